import { MerkleError, type TilePath, type TreeHasher } from '@sigstead/merkle';
import { LogError } from '../core/errors.ts';
import type { StoredHead } from '../core/ports.ts';
import type { LeafRecord } from '../core/records.ts';
import type { LogState } from '../core/state.ts';
import type { Tree } from '../engine/tree.ts';
import { acknowledged, consistency, entries, entryAndProof, proofByHash } from './ct-queries.ts';
import { stateCovering } from './covering.ts';
import type { EntrySource } from './entry-source.ts';
import { inclusion } from './inclusion.ts';
import type { LeafIndex } from './leaf-index.ts';
import { withPatience } from './patience.ts';
import { readCheckpoint, readRecords, readResource } from './resources.ts';
import type { ReadObserver } from './sources.ts';
import type { TileSource } from './tile-source.ts';

/** Where answers come from: memory first, then an archive if there is one, then the store. */
export interface ReadSources {
  readonly hasher: TreeHasher;
  readonly tree: Tree;
  readonly tiles: TileSource;
  readonly entries: EntrySource;
  readonly leaves: LeafIndex;
  readonly observer?: ReadObserver | undefined;
  /** How old the knowledge of other processes' heads may be when a checkpoint is served. Default 500. */
  readonly checkpointAgeMs?: number;
}

/**
 * The questions a log answers about its published tree. All throw LogError: `halted` when nothing may be shown,
 * `invalid_request` for impossible parameters, `not_found`, `unavailable` when the database is needed and away,
 * `internal` (a DamagedRead) when what is stored is not what the signed tree holds.
 */
export interface LogReader {
  /** The newest published note. */
  checkpoint(nowMs: number): Promise<Uint8Array>;
  /** Bytes of a tile or entry bundle; undefined when no published tree has it. */
  resource(path: TilePath): Promise<Uint8Array | undefined>;
  /** The entries of a bundle; undefined when no published tree has it. */
  records(bundle: { index: number; width: number }): Promise<readonly LeafRecord[] | undefined>;
  /** The published tree, once it holds the entry `index`, which was acknowledged. */
  covering(index: number): Promise<LogState>;
  /** Proof of such an entry, with this leaf hash; under the newest published head, or an earlier one that holds it. */
  inclusion(
    index: number,
    leafHash: Uint8Array,
    under?: StoredHead,
  ): Promise<{ head: StoredHead; proof: Uint8Array[] }>;
  consistency(first: number, second: number): Promise<Uint8Array[]>;
  proofByHash(leafHash: Uint8Array, size: number): Promise<{ index: number; proof: Uint8Array[] }>;
  entryAndProof(index: number, size: number): Promise<{ record: LeafRecord; proof: Uint8Array[] }>;
  /** From `start` to `end` inclusive, or fewer. */
  entries(start: number, end: number): Promise<readonly LeafRecord[]>;
  /** One entry that was acknowledged, by this process or another. */
  record(index: number): Promise<LeafRecord>;
}

export function logReader(sources: ReadSources): LogReader {
  return {
    checkpoint: (nowMs) => coded(readCheckpoint(sources, nowMs)),
    resource: (path) => coded(readResource(sources, path)),
    records: (bundle) => coded(readRecords(sources, bundle)),
    covering: (index) => coded(stateCovering(sources, index + 1)),
    inclusion: (index, leafHash, under) => coded(inclusion(sources, index, leafHash, under)),
    consistency: (first, second) => coded(consistency(sources, first, second)),
    proofByHash: (leafHash, size) => coded(proofByHash(sources, leafHash, size)),
    entryAndProof: (index, size) => coded(entryAndProof(sources, index, size)),
    entries: (start, end) => coded(entries(sources, start, end)),
    record: (index) => coded(acknowledged(sources, index)),
  };
}

/** Longest time for an answer that is not in memory: loads wait for their turn, and for what lies above them. */
const ANSWER_MS = 5000;

/** What is neither ours nor a contradiction in the tree came from the database or the way to it. */
export async function coded<T>(answer: Promise<T>): Promise<T> {
  try {
    return await withPatience(answer, ANSWER_MS);
  } catch (cause) {
    if (cause instanceof LogError) throw cause;
    if (cause instanceof MerkleError)
      throw new LogError('internal', 'internal error', { detail: cause.message, cause });
    throw new LogError('unavailable', 'log is temporarily unavailable', { cause });
  }
}
