import type { TilePath } from '@sigstead/merkle';
import type { LogStore } from '../core/ports.ts';
import type { LeafRecord } from '../core/records.ts';
import type { Tree } from '../engine/tree.ts';
import { consistency, entries, entryAndProof, proofByHash } from './ct-queries.ts';
import type { EntrySource } from './entry-source.ts';
import { readCheckpoint, readResource } from './resources.ts';
import type { TileSource } from './tile-source.ts';

/** Where answers come from: memory first, then the store. */
export interface ReadSources {
  readonly tree: Tree;
  readonly tiles: TileSource;
  readonly entries: EntrySource;
  readonly store: Pick<LogStore, 'findLeaf'>;
}

/**
 * The questions a log answers about its published tree. All throw LogError: `halted` when nothing may be shown,
 * `invalid_request` for impossible parameters, `not_found`; and StoreError when the database is needed and away.
 */
export interface LogReader {
  /** The newest published note. */
  checkpoint(nowMs: number): Promise<Uint8Array>;
  /** Bytes of a tile or entry bundle; undefined when no published tree has it. */
  resource(path: TilePath): Promise<Uint8Array | undefined>;
  consistency(first: number, second: number): Promise<Uint8Array[]>;
  proofByHash(leafHash: Uint8Array, size: number): Promise<{ index: number; proof: Uint8Array[] }>;
  entryAndProof(index: number, size: number): Promise<{ record: LeafRecord; proof: Uint8Array[] }>;
  /** From `start` to `end` inclusive, or fewer. */
  entries(start: number, end: number): Promise<readonly LeafRecord[]>;
}

export function logReader(sources: ReadSources): LogReader {
  return {
    checkpoint: (nowMs) => readCheckpoint(sources, nowMs),
    resource: (path) => readResource(sources, path),
    consistency: (first, second) => consistency(sources, first, second),
    proofByHash: (leafHash, size) => proofByHash(sources, leafHash, size),
    entryAndProof: (index, size) => entryAndProof(sources, index, size),
    entries: (start, end) => entries(sources, start, end),
  };
}
