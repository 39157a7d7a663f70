import type { LifeState } from './life.ts';
import type { LeafRecord } from './records.ts';

/** What a log may be. Every kind has one personality; the engine knows none of them. */
export type LogKind = 'rekor-v2' | 'ct';

/** A signed statement about the tree: what a personality signs into a note and reads back from one. */
export interface HeadClaim {
  size: number;
  root: Uint8Array;
  /** Time of the head, ms since the epoch; strictly growing in kinds whose notes carry it. */
  timestampMs: number;
}

/** A head with one of its notes: the one stored in the same commit, or a later one. */
export interface StoredHead extends HeadClaim {
  note: Uint8Array;
  /** Which note of this head it is; the one stored with it is 0. */
  ordinal: number;
}

/** What an entry is before it has an index. */
export interface Submission {
  /** 32 bytes; two submissions are the same entry exactly when these are equal. Never depends on time or index. */
  readonly identity: Uint8Array;
  /** Upper bound of the bytes its record will take, for the bounds of queue and batch. */
  readonly weight: number;
  /** What it is found by, 32 bytes each; undefined where entries are not found by anything. */
  readonly searchKeys?: readonly Uint8Array[];
  /**
   * Called inside the batch, again in every attempt at it. May throw: then this entry fails alone and its index goes to
   * the next one.
   */
  leaf(at: { index: number; timestampMs: number }): LeafRecord;
  /** Certificates that readers ask for by their SHA-256: stored once for all entries, in the commit of the first. */
  readonly issuers?: readonly Uint8Array[];
}

/** The rules of one kind of log, as far as the engine must ask. Implementations are pure but for the signer. */
export interface Personality {
  readonly kind: LogKind;
  /** Whether a head must be later than the one before, and refuses to be made while the clock is behind. */
  readonly strictTime: boolean;
  /** Whether entries can be looked up by leaf hash; the index is kept in the same commit. */
  readonly findsByLeafHash: boolean;
  /**
   * Signs a head. What it returns stays private until the commit that stores it is known. `final` makes a note after which
   * none will follow, and says so where the kind has words for it.
   */
  signHead(claim: HeadClaim, options?: { final: boolean }): Promise<Uint8Array>;
  /** Reads a note and verifies its signature with the log's own key. Throws when anything is wrong with it. */
  openHead(note: Uint8Array): HeadClaim;
}

/** A full tile with the root of its 256 hashes, which is its hash in the tile above. */
export interface FullTile {
  level: number;
  index: number;
  hashes: Uint8Array;
  root: Uint8Array;
}

/** All rows of one batch. They become durable together or not at all. */
export interface BatchRows {
  previousSize: number;
  head: StoredHead;
  records: readonly LeafRecord[];
  leafHashes: readonly Uint8Array[];
  identities: readonly Uint8Array[];
  fullTiles: readonly FullTile[];
  /** Whether to keep leafHashes findable. */
  findsByLeafHash: boolean;
  /** As in Submission, each once. */
  issuers: readonly Uint8Array[];
  /** What the records are found by, in their order; undefined when nothing of this batch is to be found by anything. */
  searchKeys?: readonly (readonly Uint8Array[])[] | undefined;
}

/** What a sequencing transaction sees after it took the lock, in one snapshot. */
export interface LockedView {
  head: StoredHead;
  /** Whoever changes it holds the lock too: this is what it is until the transaction ends. */
  state: LifeState;
  /** Leaf hashes appended after the size asked for; undefined when they are too many to bring under the lock. */
  appended: Uint8Array[] | undefined;
  /** Indexes of those identities that are in the log. Key: identityKey(). */
  known: Map<string, number>;
}

/**
 * One transaction of one batch, the log's lock row held from begin() to its end. Calls are made one after the other
 * (insert may be awaited late). Every error is a StoreError; after any error only rollback() may be called.
 */
export interface SequencingTransaction {
  /** Names the connection: another number may be another server, of which nothing is known. */
  readonly session: number;
  /** Reads in a statement of its own, so the snapshot is younger than the lock. Errors: refused, lost. */
  look(question: { identities: readonly Uint8Array[]; fromSize: number }): Promise<LockedView>;
  /** Errors: conflict (another head stands in the place), refused, lost. Nothing is visible to others yet. */
  insert(rows: BatchRows): Promise<void>;
  /** Adds one more note to a head that stands, with the next ordinal. Errors: refused, lost. */
  insertNote(head: Omit<StoredHead, 'ordinal'>): Promise<void>;
  /** What the log is from the commit on; `size` is that of the newest head. Errors: refused (it is frozen), lost. */
  insertState(change: { state: LifeState; size: number; timestampMs: number }): Promise<void>;
  /** Resolves only when COMMIT was acknowledged cleanly. Any other end is `unknown`. */
  commit(): Promise<void>;
  /** Never throws: when it cannot be sent the session is dropped, which rolls back too. */
  rollback(): Promise<void>;
}

/** What a settled read found: true and durable, because the transaction that read it has committed. */
export interface SettledView {
  head: StoredHead;
  /** The head that follows the size asked for, if any: tells whether a batch of unknown outcome was stored. */
  successor: StoredHead | undefined;
}

/** The log's rows in the system of record. Implementations keep their own sessions; all methods may run in parallel
 * except that one sequencing transaction is open at a time. Reads throw LogError `internal` when rows do not fit together,
 * StoreError `lost` when there is no answer. */
export interface LogStore {
  /**
   * Opens a transaction and takes the lock row. After it has opened a session of its own, the next settle() does not use
   * a connection from before. Errors: refused (lock timeout), lost.
   */
  begin(): Promise<SequencingTransaction>;
  /** Locks, reads, commits. Errors: any StoreError; all of them mean "nothing is known". */
  settle(question: { afterSize: number }): Promise<SettledView>;
  /**
   * Root of the head of that size on the server that settle() speaks to, if there is one; without the lock. `lost` also
   * when that is a new connection, on which nothing has been settled yet.
   */
  headRoot(size: number): Promise<Uint8Array | undefined>;
  /** The newest head, read without a lock: a hint that asking settle() is worth it, never to be served. */
  peek(question: { size: number }): Promise<Peek>;
  /** Leaf hashes [begin, end); reads committed rows without a lock, for sizes that a settled head covers. */
  leafHashes(range: { begin: number; end: number }): Promise<Uint8Array[]>;
  /** Records [begin, end), same. */
  records(range: { begin: number; end: number }): Promise<LeafRecord[]>;
  /** Full tiles of one level, those that exist, in any order. */
  tiles(level: number, indexes: readonly number[]): Promise<FullTile[]>;
  /** Roots of the full tiles [begin, end) of a level. */
  tileRoots(level: number, range: { begin: number; end: number }): Promise<Uint8Array[]>;
  /** Index of the entry with this leaf hash, in kinds that keep it. */
  findLeaf(leafHash: Uint8Array): Promise<number | undefined>;
  /** Every head and its notes from `afterSize` on, oldest first, a page at a time; the genesis head is in the first. */
  history(page: { afterSize: number; limit: number }): Promise<HistoryRow[]>;
  /**
   * For the checker: batches as they are stored, those that begin at `from` or later, in order; one if there is any, more
   * as long as their records have no more than `maxBytes` in all.
   */
  batches(page: { from: number; maxBytes: number }): Promise<StoredBatch[]>;
  /** For the checker: the index that each of these is stored with, in their order; undefined where it is not stored. */
  indexesOf(table: 'identities' | 'leaf_hashes', hashes: readonly Uint8Array[]): Promise<(number | undefined)[]>;
  close(): Promise<void>;
}

/** A row of a batch, nothing of it checked. */
export interface StoredBatch {
  firstIndex: number;
  entryCount: number;
  /** One after the other. */
  leafHashes: Uint8Array;
  /** As packRecords() made it. */
  records: Uint8Array;
}

export interface HistoryRow extends Omit<StoredHead, 'note' | 'ordinal'> {
  previousSize: number;
  notes: Uint8Array[];
}

export interface HistoryRow extends Omit<StoredHead, 'note' | 'ordinal'> {
  previousSize: number;
  notes: Uint8Array[];
}

/** What committed rows say now, on whatever server the pool leads to. */
export interface Peek {
  size: number;
  /** Of the newest head's newest note. */
  ordinal: number;
  /** Root of the head of the size asked for, if there is one. */
  root: Uint8Array | undefined;
  /** The server is in recovery: what it lacks may only be late. */
  standby: boolean;
  state: LifeState;
}

/** (size, root) kept outside the database: what was answered survives there even if the database is set back. */
export interface Mark {
  size: number;
  root: Uint8Array;
}

/** Owner of a mark. Durable on return. */
export interface MarkStore {
  read(): Promise<Mark | undefined>;
  /**
   * Raises the mark and resolves to the highest that then stands: this one, or a higher one of another process, which
   * the caller has to look into before it shows anything. `contains` is asked about every lower mark of others before it
   * is left behind: what it throws is thrown on. Of two callers whose trees differ at least one gets to see the other's
   * mark. Throws LogError `halted` when the same size stands with another root.
   */
  advance(mark: Mark, contains: (lower: Mark) => Promise<void>): Promise<Mark>;
}

/** Key of an identity or leaf hash in a Map. */
export function identityKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
