import { equalHashes, type GrownEdge, HASH_SIZE, type TreeEdge, type TreeHasher } from '@sigstead/merkle';
import { LogError } from './errors.ts';
import { reasonOf } from './fsck-heads.ts';
import { type Findings, hex } from './fsck-report.ts';
import { toFullTile } from './plan.ts';
import type { FullTile, HistoryRow, LogStore, Personality, StoredBatch } from './ports.ts';
import { type LeafRecord, unpackRecords } from './records.ts';

/** What one page brings into memory, about; a batch is never larger. */
const PAGE_BYTES = 4 * 2 ** 20;
/** More than a queue holds: where heads are missing, what lies between them is not brought into memory. */
const MAX_BATCH_ENTRIES = 65_536;

/** What a check reads of an entry beside its record: hashes, tiles, look-ups. */
const BYTES_BESIDE = 4 * HASH_SIZE;

interface BatchesOptions {
  store: Pick<LogStore, 'batches' | 'tiles' | 'indexesOf'>;
  personality: Personality;
  hasher: TreeHasher;
  identityOf?: (leaf: Uint8Array, index: number) => Uint8Array | undefined;
  recordProblem?: (record: LeafRecord) => string | undefined;
  findings: Findings;
  pace: (bytes: number) => Promise<void>;
}

interface Span {
  begin: number;
  end: number;
}

/** The batches of a log in their order, and all that is stored of their entries. */
export class FsckBatches {
  readonly #options: BatchesOptions;
  readonly #findings: Findings;
  /** Read and not yet checked, in order. */
  #page: StoredBatch[] = [];
  #readTo = 0;

  constructor(options: BatchesOptions) {
    this.#options = options;
    this.#findings = options.findings;
  }

  /** Grows the tree to the size of the next head; undefined when the check cannot go on. */
  async upTo(
    edge: TreeEdge,
    row: HistoryRow,
  ): Promise<{ edge: TreeEdge; leafHashes: readonly Uint8Array[] } | undefined> {
    const span = { begin: edge.size, end: row.size };
    const fits = row.previousSize === span.begin || span.end - span.begin <= MAX_BATCH_ENTRIES;
    const isSpan = span.end > span.begin && fits;
    this.#findings.expect(isSpan, `head ${row.size} is no batch after size ${span.begin}`);
    if (!isSpan) return undefined;
    const batches = await this.#gather(span);
    if (batches === undefined) return undefined;
    const records = this.#records(span, batches);
    const leaves = records?.map(({ leaf }) => leaf);
    const stored = this.#storedHashes(span, batches);
    const derived = leaves?.map((leaf) => this.#options.hasher.leaf(leaf));
    const leafHashes =
      derived === undefined || stored === undefined ? (derived ?? stored) : this.#judge(edge, row, derived, stored);
    if (leafHashes === undefined) return undefined;
    const grown = edge.append(leafHashes);
    await this.#tiles(grown.fullTiles);
    if (leaves !== undefined) await this.#identities(span.begin, leaves);
    if (records !== undefined && derived === leafHashes) this.#besides(span.begin, records);
    if (this.#options.personality.findsByLeafHash) await this.#leafIndex(span.begin, leafHashes);
    await this.#options.pace(leafHashes.length * BYTES_BESIDE);
    return { edge: grown.edge, leafHashes };
  }

  /** The batches that make up a span; undefined, and a finding, when they do not. */
  async #gather({ begin, end }: Span): Promise<StoredBatch[] | undefined> {
    const found: StoredBatch[] = [];
    let at = begin;
    while (at < end) {
      const batch = await this.#next();
      if (batch !== undefined && batch.firstIndex < at) {
        this.#findings.expect(false, `there is a batch at entry ${batch.firstIndex} that is none of the log's`);
        continue;
      }
      const fits = batch?.firstIndex === at && at + batch.entryCount <= end;
      if (!fits || batch === undefined) {
        if (batch !== undefined) this.#page.unshift(batch);
        const why = batch?.firstIndex === at ? `its batch has ${batch.entryCount}` : 'none is stored';
        const text = `entries ${begin} to ${end - 1} cannot be read: entry ${at} is the first without a batch of its own (${why})`;
        this.#findings.expect(false, text);
        return undefined;
      }
      found.push(batch);
      at += batch.entryCount;
    }
    return found;
  }

  async #next(): Promise<StoredBatch | undefined> {
    if (this.#page.length === 0) {
      this.#page = await this.#options.store.batches({ from: this.#readTo, maxBytes: PAGE_BYTES });
      const last = this.#page.at(-1);
      if (last !== undefined) this.#readTo = last.firstIndex + 1;
      await this.#options.pace(this.#page.reduce((sum, { records }) => sum + records.length, 0));
    }
    return this.#page.shift();
  }

  #records(span: Span, batches: readonly StoredBatch[]): LeafRecord[] | undefined {
    try {
      return batches.flatMap(({ records, entryCount }) => unpackRecords(records, entryCount));
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      this.#findings.expect(false, `entries ${span.begin} to ${span.end - 1} cannot be read: ${reasonOf(error)}`);
      return undefined;
    }
  }

  #besides(first: number, records: readonly LeafRecord[]): void {
    for (const [i, record] of records.entries()) {
      const problem = this.#options.recordProblem?.(record);
      if (problem !== undefined) this.#findings.expect(false, `entry ${first + i}: ${problem}`);
    }
  }

  #storedHashes(span: Span, batches: readonly StoredBatch[]): Uint8Array[] | undefined {
    const whole = batches.every(({ leafHashes, entryCount }) => leafHashes.length === entryCount * HASH_SIZE);
    const text = `leaf hashes ${span.begin} to ${span.end - 1} cannot be read: one is cut off, or there is one more`;
    this.#findings.expect(whole, text);
    if (!whole) return undefined;
    return batches.flatMap(({ leafHashes, entryCount }) =>
      Array.from({ length: entryCount }, (_, i) => leafHashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE)),
    );
  }

  /** The leaf hashes to go on with: those that lead to the head's root, so that one fault is told once. */
  #judge(edge: TreeEdge, row: HistoryRow, derived: Uint8Array[], stored: Uint8Array[]): Uint8Array[] {
    const at = derived.findIndex((hash, i) => !equalHashes(hash, stored[i] ?? new Uint8Array(0)));
    const [made, kept] = [derived[at], stored[at]];
    if (made === undefined || kept === undefined) return derived;
    const leadsToRoot = (hashes: Uint8Array[]): boolean => equalHashes(edge.append(hashes).edge.root(), row.root);
    const index = edge.size + at;
    if (leadsToRoot(stored)) {
      const text = `entry ${index} has another leaf hash than was logged: expected ${hex(kept)}, found ${hex(made)}`;
      this.#findings.expect(false, text);
      return stored;
    }
    const unsure = leadsToRoot(derived) ? '' : ', and neither leads to the root of its head';
    const text = `entry ${index} has another leaf hash stored with it: expected ${hex(made)}, found ${hex(kept)}${unsure}`;
    this.#findings.expect(false, text);
    return derived;
  }

  async #tiles(fullTiles: GrownEdge['fullTiles']): Promise<void> {
    const byLevel = Map.groupBy(fullTiles.map(toFullTile), ({ level }) => level);
    for (const [level, tiles] of byLevel) {
      const rows = await this.#options.store.tiles(
        level,
        tiles.map(({ index }) => index),
      );
      for (const derived of tiles) this.#tile(derived, rows);
    }
  }

  #tile(derived: FullTile, rows: readonly FullTile[]): void {
    const name = `tile ${derived.index} of level ${derived.level}`;
    const row = rows.find(({ index }) => index === derived.index);
    this.#findings.fullTiles += 1;
    this.#findings.expect(row !== undefined, `${name} is missing`);
    if (row === undefined) return;
    const same = equalHashes(row.hashes, derived.hashes);
    this.#findings.expect(same, `${name} is not what its entries make: ${same ? '' : difference(derived, row)}`);
    this.#findings.expect(
      equalHashes(row.root, derived.root),
      `${name} has another root: expected ${hex(derived.root)}, found ${hex(row.root)}`,
    );
  }

  async #identities(first: number, leaves: readonly Uint8Array[]): Promise<void> {
    const { identityOf, store } = this.#options;
    if (identityOf === undefined) return;
    const identities = leaves.map((leaf, i) => {
      const identity = identityOf(leaf, first + i);
      this.#findings.expect(identity !== undefined, `entry ${first + i} is no leaf of this kind of log`);
      return identity ?? new Uint8Array(HASH_SIZE);
    });
    const indexes = await store.indexesOf('identities', identities);
    for (const [i, index] of indexes.entries()) {
      const found = index === undefined ? 'is not stored' : `is stored with entry ${index}`;
      this.#findings.expect(index === first + i, `the identity of entry ${first + i} ${found}`);
    }
  }

  async #leafIndex(first: number, leafHashes: readonly Uint8Array[]): Promise<void> {
    const indexes = await this.#options.store.indexesOf('leaf_hashes', leafHashes);
    for (const [i, index] of indexes.entries()) {
      this.#findings.expect(index === first + i, `leaf hash of entry ${first + i} is found at ${index ?? 'no index'}`);
    }
  }
}

function difference(derived: FullTile, found: FullTile): string {
  for (let at = 0; at < derived.hashes.length; at += HASH_SIZE) {
    const [made, kept] = [derived, found].map(({ hashes }) => hex(hashes.subarray(at, at + HASH_SIZE)));
    if (made !== kept) return `hash ${at / HASH_SIZE} should be ${made ?? ''}, found ${kept ?? ''}`;
  }
  return `${found.hashes.length} bytes`;
}
