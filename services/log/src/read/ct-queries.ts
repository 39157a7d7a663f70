import { TILE_WIDTH } from '@sigstead/merkle';
import { LogError } from '../core/errors.ts';
import type { LeafRecord } from '../core/records.ts';
import { stateCovering, tooSmall } from './covering.ts';
import { checkLeaf } from './inclusion.ts';
import type { ReadSources } from './log-reader.ts';

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
  const beyond = (current: number): LogError =>
    new LogError('not_found', `log returned tree size: ${current} but we expected: ${size}`);
  const { edge } = await stateCovering(log, size, beyond);
  const index = await log.leaves.find(leafHash);
  if (index === undefined || index >= size) {
    throw new LogError('not_found', 'get-proof-by-hash: backend did not return a proof');
  }
  await checkLeaf(log, edge, index, leafHash);
  return { index, proof: await log.tiles.inclusionProof(edge, size, index) };
}

/** One entry that was acknowledged: so it is in the tree, if not yet in the one that is shown here. */
export async function acknowledged(log: ReadSources, index: number): Promise<LeafRecord> {
  const { edge } = await stateCovering(log, index + 1);
  return log.entries.record(edge, index);
}

/** SPEC: RFC 6962 §4.8 */
export async function entryAndProof(
  log: ReadSources,
  index: number,
  size: number,
): Promise<{ record: LeafRecord; proof: Uint8Array[] }> {
  if (index >= size) throw new LogError('invalid_request', `leaf_index ${index} is not in a tree of size ${size}`);
  const { edge } = await stateCovering(log, size);
  const [record, proof] = await Promise.all([
    log.entries.record(edge, index),
    log.tiles.inclusionProof(edge, size, index),
  ]);
  return { record, proof };
}

/**
 * Entries from `start` on, to `end` inclusive at most, and never beyond the bundle of 256 that `start` is in: fewer than
 * asked is allowed, and keeps every answer bounded. SPEC: RFC 6962 §4.6
 */
export async function entries(log: ReadSources, start: number, end: number): Promise<readonly LeafRecord[]> {
  if (start > end) throw new LogError('invalid_request', `start ${start} is larger than end ${end}`);
  const { edge } = await stateCovering(log, start + 1, (current) => tooSmall(start + 1, 'to get leaves', current));
  const bundle = Math.floor(start / TILE_WIDTH);
  const first = bundle * TILE_WIDTH;
  const width = Math.min(TILE_WIDTH, edge.size - first, end + 1 - first);
  return (await log.entries.bundle(edge, bundle, width)).slice(start - first);
}
