import { TreeEdge, type TreeHasher } from '@sigstead/merkle';
import { FsckBatches } from './fsck-batches.ts';
import { FsckHeads } from './fsck-heads.ts';
import { Findings, type FsckReport, type KnownHead, type RowCounts } from './fsck-report.ts';
import type { LogStore, Personality } from './ports.ts';
import type { LeafRecord } from './records.ts';

export type { FsckReport, KnownHead, RowCounts } from './fsck-report.ts';

export interface FsckOptions {
  store: Pick<LogStore, 'history' | 'batches' | 'tiles' | 'indexesOf'>;
  personality: Personality;
  hasher: TreeHasher;
  /**
   * Identity that an entry of this kind must have, from its leaf bytes and index; undefined for one that cannot stand there.
   * Without it identities are only counted.
   */
  identityOf?: (leaf: Uint8Array, index: number) => Uint8Array | undefined;
  /** Why what is kept beside a leaf does not fit it; undefined when it does, or the kind keeps nothing there. */
  recordProblem?: (record: LeafRecord) => string | undefined;
  /** Rows that there are. Heads after those counted are not checked: a log may grow meanwhile. */
  counts?: RowCounts;
  /** In any order. */
  known?: readonly KnownHead[];
  /** Called with the entries that are checked, after each batch. */
  onProgress?: (size: number) => void;
  /** Called with what was read, after each page: a check that is to be slow waits here. May throw to end it. */
  pace?: (bytes: number) => Promise<void>;
}

const HEADS_PER_PAGE = 500;
/** A head and its note, about; what else is read of an entry beside its batch. */
const HEAD_BYTES = 600;

/**
 * Derives the whole log again from its entries alone and compares everything that is stored with it: the chain of
 * heads, every root, every note, every full tile, leaf hashes, identities and, where kept, the index of leaf hashes.
 * Reads only. Memory is bounded by a page of batches, work by the log's size. Throws StoreError when the database does
 * not answer.
 */
export async function fsck(options: FsckOptions): Promise<FsckReport> {
  const { store, pace = () => Promise.resolve(), counts } = options;
  const findings = new Findings();
  const batches = new FsckBatches({ ...options, findings, pace });
  const heads = new FsckHeads({ ...options, findings });
  let edge = TreeEdge.empty(options.hasher);
  for (let afterSize = -1; ; ) {
    const page = await store.history({ afterSize, limit: HEADS_PER_PAGE });
    await pace(page.length * HEAD_BYTES);
    const last = page.at(-1);
    if (last === undefined || (page[0]?.size ?? 0) > (counts?.size ?? Number.POSITIVE_INFINITY)) break;
    for (const row of page) {
      if (row.size > (counts?.size ?? Number.POSITIVE_INFINITY)) break;
      heads.follows(row, edge.size);
      const grown = row.size === 0 ? { edge, leafHashes: [] } : await batches.upTo(edge, row);
      if (grown === undefined) return heads.report(false);
      heads.at(row, { from: edge, ...grown });
      edge = grown.edge;
      if (findings.areMany) return heads.report(false);
      options.onProgress?.(edge.size);
    }
    afterSize = last.size;
  }
  return heads.finish(edge);
}
