import { TILE_WIDTH } from '@sigstead/merkle';
import { LogError } from '../core/errors.ts';
import type { LogState } from '../core/state.ts';
import type { LeafRecord } from '../core/records.ts';
import type { ReadSources } from './log-reader.ts';

/** Looks once for news when `size` is more than what is published; throws `invalid_request` when it stays so. */
async function stateCovering(log: ReadSources, size: number): Promise<LogState> {
  if (size > log.tree.published.head.size) await log.tree.catchUpIfBehind();
  const state = log.tree.published;
  if (size <= state.head.size) return state;
  throw new LogError('invalid_request', `tree size ${size} is beyond the current tree size ${state.head.size}`);
}

/** SPEC: RFC 6962 §4.4 */
export async function consistency(log: ReadSources, first: number, second: number): Promise<Uint8Array[]> {
  if (first > second) throw new LogError('invalid_request', `first ${first} is larger than second ${second}`);
  const { edge } = await stateCovering(log, second);
  return log.tiles.consistencyProof(edge, first, second);
}

/** SPEC: RFC 6962 §4.5. Throws `not_found` when no tree of that size holds the leaf. */
export async function proofByHash(
  log: ReadSources,
  leafHash: Uint8Array,
  size: number,
): Promise<{ index: number; proof: Uint8Array[] }> {
  if (size === 0) throw new LogError('invalid_request', 'tree_size must be at least 1');
  const { edge } = await stateCovering(log, size);
  const index = await log.store.findLeaf(leafHash);
  if (index === undefined || index >= size) throw new LogError('not_found', 'no entry with this leaf hash');
  return { index, proof: await log.tiles.inclusionProof(edge, size, index) };
}

/** SPEC: RFC 6962 §4.8 */
export async function entryAndProof(
  log: ReadSources,
  index: number,
  size: number,
): Promise<{ record: LeafRecord; proof: Uint8Array[] }> {
  if (index >= size) throw new LogError('invalid_request', `leaf_index ${index} is not in a tree of size ${size}`);
  const { edge } = await stateCovering(log, size);
  const [record, proof] = await Promise.all([log.entries.record(index), log.tiles.inclusionProof(edge, size, index)]);
  if (record === undefined) throw new LogError('internal', 'internal error', { detail: `entry ${index} is missing` });
  return { record, proof };
}

/**
 * Entries from `start` on, to `end` inclusive at most, and never beyond the bundle of 256 that `start` is in: fewer than
 * asked is allowed, and keeps every answer bounded. SPEC: RFC 6962 §4.6
 */
export async function entries(log: ReadSources, start: number, end: number): Promise<readonly LeafRecord[]> {
  if (start > end) throw new LogError('invalid_request', `start ${start} is larger than end ${end}`);
  const { head } = await stateCovering(log, start + 1);
  const bundle = Math.floor(start / TILE_WIDTH);
  const first = bundle * TILE_WIDTH;
  const width = Math.min(TILE_WIDTH, head.size - first, end + 1 - first);
  return (await log.entries.bundle(bundle, width)).slice(start - first);
}
