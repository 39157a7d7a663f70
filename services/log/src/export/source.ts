import {
  entryBundlePath,
  equalHashes,
  fullTileCount,
  type TileNodes,
  TILE_WIDTH,
  type TilePath,
  tilePath,
  type TreeEdge,
  type TreeHasher,
} from '@sigstead/merkle';
import type { HeadClaim } from '../core/ports.ts';
import { encodeBundle } from '../core/entry-bundle.ts';
import type { LeafRecord } from '../core/records.ts';
import type { LogState } from '../core/state.ts';
import type { Shown } from '../publication.ts';
import { ExportAlarm } from './alarm.ts';

/** What an exporter needs of a log. Failures of its database throw anything; they pass. */
export interface ExportSource {
  readonly hasher: TreeHasher;
  /** Whether the log has stopped by itself: then nothing is exported either. */
  halted(): boolean;
  /** What may be shown; only grows. Undefined while nothing may. */
  published(): Shown | undefined;
  /** The whole tree, as large as that or larger: what was exported must be of it. */
  tree(): LogState;
  /** Takes over everything that was committed anywhere before the call. */
  catchUp(): Promise<void>;
  /** The same, when a look without a lock finds that there is something. */
  catchUpIfBehind(): Promise<void>;
  /** Verifies a note with the log's own key; throws when anything is wrong with it. */
  openHead(note: Uint8Array): HeadClaim;
  rootAt(edge: TreeEdge, size: number): Promise<Uint8Array>;
  /** The widest tile there is at this place in the tree of `edge`. */
  tile(edge: TreeEdge, level: number, index: number): Promise<TileNodes | undefined>;
  /** The first `width` records of a bundle. */
  records(edge: TreeEdge, index: number, width: number): Promise<readonly LeafRecord[]>;
}

/** Name of a resource in the target. */
export function nameOf(path: TilePath): string {
  return path.kind === 'entries' ? entryBundlePath(path) : tilePath(path);
}

/**
 * Bytes of a resource in the tree of `edge`, proven against its root: every tile by the hash in the tile above it, every
 * entry by its leaf hash. What is immutable once it is out is not taken on trust from a table.
 * Throws ExportAlarm `damaged_source`.
 */
export async function provenBytes(source: ExportSource, edge: TreeEdge, path: TilePath): Promise<Uint8Array> {
  if (path.kind === 'tile') {
    const nodes = await provenTile(source, edge, path.level, path.index);
    return nodes.bytes().subarray(0, path.width * 32);
  }
  const { index, width } = path;
  const [nodes, records] = await Promise.all([provenTile(source, edge, 0, index), source.records(edge, index, width)]);
  if (records.length !== width) throw damaged(`bundle ${index} has ${records.length} entries, not ${width}`);
  records.forEach(({ leaf }, i) => {
    if (equalHashes(source.hasher.leaf(leaf), nodes.node(0, i))) return;
    throw damaged(`entry ${index * TILE_WIDTH + i} is not the one in the tree`);
  });
  return encodeBundle(records);
}

/** The edge was proven against the signed root, so each chain of parents ends in what is known to be true. */
async function provenTile(source: ExportSource, edge: TreeEdge, level: number, index: number): Promise<TileNodes> {
  const nodes = await source.tile(edge, level, index);
  if (nodes === undefined) throw damaged(`tile ${index} of level ${level} is missing`);
  if (index >= fullTileCount(level, edge.size)) return nodes;
  const parent = await provenTile(source, edge, level + 1, Math.floor(index / TILE_WIDTH));
  if (equalHashes(nodes.node(8, 0), parent.node(0, index % TILE_WIDTH))) return nodes;
  throw damaged(`tile ${index} of level ${level} is not the one in the tree`);
}

function damaged(text: string): ExportAlarm {
  return new ExportAlarm('damaged_source', text);
}
