import type { SearchRows } from './search-rows.ts';

/** Indexes [begin, end). */
export interface IndexRange {
  begin: number;
  end: number;
}

/** Of one key in one batch: the places of its entries. Nothing of it is believed. */
export interface KeyRow {
  firstIndex: number;
  /** Entries of the batch that begins there: 0 when none does. The log's own word. */
  entryCount: number;
  /** As it is stored. */
  key: Uint8Array;
  places: Uint8Array;
}

export interface StoredRuns {
  runs: IndexRange[];
  /** Where the first and the last batch read begin. */
  first: number;
  last: number;
  batches: number;
}

/** Rows of all keys of one question in one batch: one for each, unless rows were added that should not be there. */
export const MOST_ROWS_OF_A_BATCH = 32;

export interface KeyQuestion {
  /** As they are stored. */
  keys: readonly Uint8Array[];
  /** First and last segment to look into. */
  segments: { first: number; last: number };
  /** Batches that begin before it are left out. */
  fromBatch: number;
}

/**
 * The rows of one log that entries are found by. Everything may be asked in parallel; each call is one statement, whose work is
 * bounded by its question. Errors: StoreError `lost`; LogError `internal` when a row is no such row.
 */
export interface SearchIndex {
  /** Entries of the newest head. */
  size(): Promise<number>;
  /** Where the batch begins that holds this entry. */
  batchOf(index: number): Promise<number>;
  /** For each key how many batches have it, none counted beyond `most`. */
  count(question: KeyQuestion & { most: number }): Promise<number[]>;
  /**
   * The rows of all keys in the first `most` batches that have the key at `driver`, by batch; of a batch that has more than
   * MOST_ROWS_OF_A_BATCH only one more than that.
   */
  rows(question: KeyQuestion & { driver: number; most: number }): Promise<KeyRow[]>;
  /**
   * Runs of batches whose keys were stored with them, from the one that begins at `from` on, `most` batches at most.
   * Undefined when there is none.
   */
  storedWith(page: { from: number; most: number }): Promise<StoredRuns | undefined>;
  /** Ranges of which it was done later, in the order it was done, from an ordinal on. */
  rebuilt(page: { from: number; most: number }): Promise<(IndexRange & { ordinal: number })[]>;
}

/** For who makes the rows again. */
export interface SearchRebuilder {
  /** Adds what is missing of these batches and tells that this range is done, in one transaction. Errors: as a transaction. */
  add(range: IndexRange, batches: readonly { firstIndex: number; rows: SearchRows }[]): Promise<void>;
  /** For the checker: of each of these rows whether it is stored. */
  holds(firstIndex: number, rows: SearchRows): Promise<boolean[]>;
}
