import { fullTileCount, TILE_WIDTH, type TilePath, tileWidth } from '@sigstead/merkle';
import { encodeBundle } from '../core/entry-bundle.ts';
import type { LeafRecord } from '../core/records.ts';
import type { ReadSources } from './log-reader.ts';
import { withPatience } from './patience.ts';

/** How old the knowledge of other processes' heads may be when a checkpoint is served, unless the log says otherwise. */
const CHECKPOINT_AGE_MS = 500;

/** How long somebody who asks beyond the edge waits for a database that is silent. */
const NEWS_MS = 2000;

/** Looks once whether others appended. Throws `unavailable` when the database does not say so in time. */
export function lookForNews(log: Pick<ReadSources, 'tree'>): Promise<void> {
  return withPatience(log.tree.catchUpIfBehind(), NEWS_MS);
}

/** The newest published note. It never goes back: what is published only grows. */
export async function readCheckpoint(log: ReadSources, nowMs: number): Promise<Uint8Array> {
  await log.tree.refresh(nowMs, log.checkpointAgeMs ?? CHECKPOINT_AGE_MS);
  return log.tree.published.head.note;
}

/**
 * Bytes of a tile or entry bundle, or undefined when no published tree has it. A partial one is cut from what there is
 * now, full or not, so one that was published stays available. Before it says no, the process looks for news once.
 * SPEC: C2SP tlog-tiles, Merkle tree; Log entries
 */
export async function readResource(log: ReadSources, path: TilePath): Promise<Uint8Array | undefined> {
  if (path.kind === 'tile') return (await comesToBePublished(log, path)) ? readTile(log, path) : undefined;
  const records = await readRecords(log, path);
  return records === undefined ? undefined : encodeBundle(records);
}

/** The entries of a bundle, as above. */
export async function readRecords(
  log: ReadSources,
  bundle: { index: number; width: number },
): Promise<readonly LeafRecord[] | undefined> {
  if (!(await comesToBePublished(log, { kind: 'entries', ...bundle }))) return undefined;
  return log.entries.bundle(log.tree.published.edge, bundle.index, bundle.width);
}

async function comesToBePublished(log: ReadSources, path: TilePath): Promise<boolean> {
  if (!isPublished(log, path)) await lookForNews(log);
  return isPublished(log, path);
}

function isPublished(log: ReadSources, path: TilePath): boolean {
  const level = path.kind === 'entries' ? 0 : path.level;
  const { size } = log.tree.published.head;
  if (path.width === TILE_WIDTH) return path.index < fullTileCount(level, size);
  return path.width <= tileWidth({ level, index: path.index }, size);
}

async function readTile(log: ReadSources, path: TilePath & { kind: 'tile' }): Promise<Uint8Array | undefined> {
  const nodes = await log.tiles.tile(log.tree.published.edge, path.level, path.index);
  return nodes?.bytes().subarray(0, path.width * 32);
}
