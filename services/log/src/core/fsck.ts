import { equalHashes, type GrownEdge, HASH_SIZE, tilesForSize, TreeEdge, type TreeHasher } from '@sigstead/merkle';
import { LogError } from './errors.ts';
import { toFullTile } from './plan.ts';
import type { FullTile, HistoryRow, LogStore, Personality } from './ports.ts';
import { nameHead } from './state.ts';

/** What a full check found. The log is sound exactly when it is `complete` and `problems` is empty. */
export interface FsckReport {
  size: number;
  heads: number;
  notes: number;
  fullTiles: number;
  /** Whether the check went through to the newest head. */
  complete: boolean;
  /** For the operator, the first one first, at most MAX_PROBLEMS of them. */
  problems: string[];
}

/** Rows of one log in one snapshot: what deriving alone would not miss. */
export interface RowCounts {
  /** Of the newest head. */
  size: number;
  heads: number;
  notes: number;
  batches: number;
  tiles: number;
  identities: number;
  leafHashes: number;
}

export interface FsckOptions {
  store: Pick<LogStore, 'history' | 'records' | 'leafHashes' | 'tiles' | 'identities' | 'findLeaf'>;
  personality: Personality;
  hasher: TreeHasher;
  /** Identity that an entry of this kind must have, from its leaf bytes; without it identities are only counted. */
  identityOf?: (leaf: Uint8Array) => Uint8Array | undefined;
  /** Rows that there are. Heads after those counted are not checked: a log may grow meanwhile. */
  counts?: RowCounts;
  onProgress?: (size: number) => void;
}

const MAX_PROBLEMS = 100;
const HEADS_PER_PAGE = 500;
/** More than a queue holds: where heads are missing, what lies between them is not brought into memory. */
const MAX_BATCH_ENTRIES = 65_536;

/**
 * Derives the whole log again from its entries alone and compares everything that is stored with it: the chain of
 * heads, every root, every note, every full tile, leaf hashes, identities and, where kept, the index of leaf hashes.
 * Reads only. Memory is bounded by the largest batch. Throws StoreError when the database does not answer.
 */
export async function fsck(options: FsckOptions): Promise<FsckReport> {
  const check = new Check(options);
  const end = options.counts?.size ?? Number.POSITIVE_INFINITY;
  for (let afterSize = -1; ; ) {
    const page = await options.store.history({ afterSize, limit: HEADS_PER_PAGE });
    for (const row of page) {
      if (row.size > end) return check.finish();
      if (!(await check.head(row))) return check.report;
      options.onProgress?.(row.size);
    }
    const last = page.at(-1);
    if (last === undefined) return check.finish();
    afterSize = last.size;
  }
}

class Check {
  readonly report: FsckReport = { size: 0, heads: 0, notes: 0, fullTiles: 0, complete: false, problems: [] };
  readonly #options: FsckOptions;
  #edge: TreeEdge;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(options: FsckOptions) {
    this.#options = options;
    this.#edge = TreeEdge.empty(options.hasher);
  }

  /** Resolves with whether the check can go on. */
  async head(row: HistoryRow): Promise<boolean> {
    const expected = this.report.heads === 0 ? -1 : this.#edge.size;
    this.#expect(row.previousSize === expected, `head ${row.size} follows ${row.previousSize}, not ${expected}`);
    if (row.size > 0 && !(await this.#batch(row))) return false;
    const root = this.#edge.root();
    this.#expect(
      equalHashes(root, row.root),
      `head ${nameHead(row)} is not the root of its entries, which is ${hex(root)}`,
    );
    this.#notes(row);
    this.report.size = row.size;
    this.report.heads += 1;
    return this.report.problems.length < MAX_PROBLEMS;
  }

  finish(): FsckReport {
    this.#expect(this.report.heads > 0, 'the log has no head');
    const { counts, personality } = this.#options;
    if (counts !== undefined) {
      const { size } = this.report;
      const tiles = tilesForSize(size).reduce((sum, { fullTiles }) => sum + fullTiles, 0);
      this.#count('heads', counts.heads, this.report.heads);
      this.#count('batches', counts.batches, this.report.heads - 1);
      this.#count('full tiles', counts.tiles, tiles);
      this.#count('identities', counts.identities, size);
      this.#count('leaf hashes', counts.leafHashes, personality.findsByLeafHash ? size : 0);
      // Notes may be added to a head at any time.
      this.#expect(counts.notes <= this.report.notes, `there are ${counts.notes} notes, some of no head`);
    }
    this.report.complete = true;
    return this.report;
  }

  #count(what: string, found: number, expected: number): void {
    this.#expect(found === expected, `there are ${found} ${what} where a log of this size has ${expected}`);
  }

  async #batch(row: HistoryRow): Promise<boolean> {
    const range = { begin: this.#edge.size, end: row.size };
    const fits = row.previousSize === range.begin || row.size - range.begin <= MAX_BATCH_ENTRIES;
    const isSpan = row.size > range.begin && fits;
    this.#expect(isSpan, `head ${row.size} is no batch after size ${range.begin}`);
    if (!isSpan) return false;
    const leaves = await this.#read(`entries ${range.begin} to ${range.end - 1}`, async () => {
      const records = await this.#options.store.records(range);
      return records.map((record) => record.leaf);
    });
    const stored = await this.#read(`leaf hashes ${range.begin} to ${range.end - 1}`, async () => {
      const hashes = await this.#options.store.leafHashes(range);
      if (hashes.every((each) => each.length === HASH_SIZE)) return hashes;
      throw new LogError('internal', 'internal error', { detail: 'one is cut off' });
    });
    const derived = leaves?.map((leaf) => this.#options.hasher.leaf(leaf));
    const leafHashes =
      derived === undefined || stored === undefined ? (derived ?? stored) : this.#judge(row, derived, stored);
    if (leafHashes === undefined || leafHashes.length !== range.end - range.begin) return false;
    const grown = this.#edge.append(leafHashes);
    this.#edge = grown.edge;
    await this.#tiles(grown.fullTiles);
    await this.#identities(range, leaves);
    if (this.#options.personality.findsByLeafHash) await this.#leafIndex(range.begin, leafHashes);
    return true;
  }

  /** Rows that do not fit together are a finding; a database that does not answer is not. */
  async #read<T>(what: string, rows: () => Promise<T>): Promise<T | undefined> {
    try {
      return await rows();
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      this.#expect(false, `${what} cannot be read: ${reason(error)}`);
      return undefined;
    }
  }

  /** The leaf hashes to go on with: those that lead to the head's root, so that one fault is told once. */
  #judge(row: HistoryRow, derived: Uint8Array[], stored: Uint8Array[]): Uint8Array[] {
    const at = derived.findIndex((hash, i) => !equalHashes(hash, stored[i] ?? new Uint8Array(0)));
    const [made, kept] = [derived[at], stored[at]];
    if (made === undefined) return derived;
    const leadsToRoot = (hashes: Uint8Array[]): boolean => equalHashes(this.#edge.append(hashes).edge.root(), row.root);
    const index = this.#edge.size + at;
    if (kept !== undefined && leadsToRoot(stored)) {
      this.#expect(
        false,
        `entry ${index} has another leaf hash than was logged: expected ${hex(kept)}, found ${hex(made)}`,
      );
      return stored;
    }
    const keptText = kept === undefined ? 'none' : hex(kept);
    const unsure = leadsToRoot(derived) ? '' : ', and neither leads to the root of its head';
    this.#expect(
      false,
      `entry ${index} has another leaf hash stored with it: expected ${hex(made)}, found ${keptText}${unsure}`,
    );
    return derived;
  }

  async #tiles(fullTiles: GrownEdge['fullTiles']): Promise<void> {
    for (const derived of fullTiles.map(toFullTile)) {
      const name = `tile ${derived.index} of level ${derived.level}`;
      const rows = await this.#options.store.tiles(derived.level, [derived.index]);
      const [row] = rows;
      this.report.fullTiles += 1;
      this.#expect(row !== undefined, `${name} is missing`);
      if (row === undefined) continue;
      this.#expect(
        equalHashes(row.hashes, derived.hashes),
        `${name} is not what its entries make: ${difference(derived, row)}`,
      );
      this.#expect(
        equalHashes(row.root, derived.root),
        `${name} has another root: expected ${hex(derived.root)}, found ${hex(row.root)}`,
      );
    }
  }

  async #identities(range: { begin: number; end: number }, leaves: readonly Uint8Array[] | undefined): Promise<void> {
    const rows = await this.#options.store.identities(range);
    const odd = rows.findIndex((row, i) => row.index !== range.begin + i);
    const dense = odd === -1 && rows.length === range.end - range.begin;
    const first = range.begin + (odd === -1 ? rows.length : odd);
    this.#expect(
      dense,
      `identities of entries ${range.begin} to ${range.end - 1} are not one each, from entry ${first} on`,
    );
    const { identityOf } = this.#options;
    if (!dense || identityOf === undefined || leaves === undefined) return;
    for (const { index, identity } of rows) {
      const expected = identityOf(leaves[index - range.begin] ?? new Uint8Array(0));
      const wanted = expected === undefined ? 'none, since its leaf is none of this kind' : hex(expected);
      const text = `entry ${index} has another identity: expected ${wanted}, found ${hex(identity)}`;
      this.#expect(expected !== undefined && equalHashes(expected, identity), text);
    }
  }

  async #leafIndex(first: number, leafHashes: readonly Uint8Array[]): Promise<void> {
    for (const [i, leafHash] of leafHashes.entries()) {
      const index = await this.#options.store.findLeaf(leafHash);
      this.#expect(index === first + i, `leaf hash of entry ${first + i} is found at ${index ?? 'no index'}`);
    }
  }

  #notes(row: HistoryRow): void {
    const { personality } = this.#options;
    this.#expect(row.notes.length > 0, `head ${row.size} has no note`);
    for (const note of row.notes) {
      this.report.notes += 1;
      try {
        const opened = personality.openHead(note);
        this.#expect(
          opened.size === row.size && equalHashes(opened.root, row.root),
          `a note of ${row.size} says another head: ${nameHead(opened)}, not ${nameHead(row)}`,
        );
        if (!personality.strictTime) continue;
        this.#expect(opened.timestampMs > this.#lastMs, `time of head ${row.size} goes back`);
        this.#lastMs = opened.timestampMs;
      } catch (error) {
        this.#expect(false, `a note of ${row.size} does not verify: ${reason(error)}`);
      }
    }
  }

  #expect(holds: boolean, problem: string): void {
    if (!holds && this.report.problems.length < MAX_PROBLEMS) this.report.problems.push(problem);
  }
}

function difference(derived: FullTile, found: FullTile): string {
  for (let at = 0; at < derived.hashes.length; at += HASH_SIZE) {
    const [made, kept] = [derived, found].map(({ hashes }) => hex(hashes.subarray(at, at + HASH_SIZE)));
    if (made !== kept) return `hash ${at / HASH_SIZE} should be ${made ?? ''}, found ${kept ?? ''}`;
  }
  return `${found.hashes.length} bytes`;
}

function reason(error: unknown): string {
  if (error instanceof LogError) return error.detail ?? error.message;
  return error instanceof Error ? error.message : String(error);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
