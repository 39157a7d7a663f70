import { equalHashes, type GrownEdge, TreeEdge, type TreeHasher } from '@sigstead/merkle';
import { toFullTile } from './plan.ts';
import type { HistoryRow, LogStore, Personality } from './ports.ts';
import { nameHead } from './state.ts';

/** What a full check found. The log is sound exactly when `problems` is empty. */
export interface FsckReport {
  size: number;
  heads: number;
  notes: number;
  fullTiles: number;
  /** For the operator, at most MAX_PROBLEMS of them. */
  problems: string[];
}

const MAX_PROBLEMS = 100;
const HEADS_PER_PAGE = 500;

/**
 * Derives the whole log again from its entries alone and compares everything that is stored with it: the chain of
 * heads, every root, every note, every full tile, leaf hashes, identities and, where kept, the index of leaf hashes.
 * Reads only. Memory is bounded by the largest batch.
 */
export async function fsck(options: {
  store: LogStore;
  personality: Personality;
  hasher: TreeHasher;
}): Promise<FsckReport> {
  const check = new Check(options);
  for (let afterSize = -1; ; ) {
    const page = await options.store.history({ afterSize, limit: HEADS_PER_PAGE });
    for (const row of page) await check.head(row);
    const last = page.at(-1);
    if (last === undefined) return check.report;
    afterSize = last.size;
  }
}

class Check {
  readonly report: FsckReport = { size: 0, heads: 0, notes: 0, fullTiles: 0, problems: [] };
  readonly #options: { store: LogStore; personality: Personality; hasher: TreeHasher };
  #edge: TreeEdge;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(options: { store: LogStore; personality: Personality; hasher: TreeHasher }) {
    this.#options = options;
    this.#edge = TreeEdge.empty(options.hasher);
  }

  async head(row: HistoryRow): Promise<void> {
    const expected = this.report.heads === 0 ? -1 : this.#edge.size;
    this.#expect(row.previousSize === expected, `head ${row.size} follows ${row.previousSize}, not ${expected}`);
    if (row.size > 0) await this.#batch({ begin: this.#edge.size, end: row.size });
    this.#expect(equalHashes(this.#edge.root(), row.root), `head ${nameHead(row)} is not the root of its entries`);
    this.#notes(row);
    this.report.size = row.size;
    this.report.heads += 1;
  }

  async #batch(range: { begin: number; end: number }): Promise<void> {
    const { store, hasher } = this.#options;
    const [records, stored] = await Promise.all([store.records(range), store.leafHashes(range)]);
    const leafHashes = records.map((record) => hasher.leaf(record.leaf));
    leafHashes.forEach((leafHash, i) => {
      const same = stored[i] !== undefined && equalHashes(stored[i], leafHash);
      this.#expect(same, `entry ${range.begin + i} has another leaf hash`);
    });
    const grown = this.#edge.append(leafHashes);
    this.#edge = grown.edge;
    await this.#tiles(grown.fullTiles);
    await this.#identities(range);
    if (this.#options.personality.findsByLeafHash) await this.#leafIndex(range.begin, leafHashes);
  }

  async #tiles(fullTiles: GrownEdge['fullTiles']): Promise<void> {
    for (const derived of fullTiles.map(toFullTile)) {
      const [row] = await this.#options.store.tiles(derived.level, [derived.index]);
      const same = row !== undefined && equalHashes(row.hashes, derived.hashes) && equalHashes(row.root, derived.root);
      this.#expect(same, `tile ${derived.index} of level ${derived.level} is not what its entries make`);
      this.report.fullTiles += 1;
    }
  }

  async #identities(range: { begin: number; end: number }): Promise<void> {
    const rows = await this.#options.store.identities(range);
    const dense = rows.length === range.end - range.begin && rows.every((row, i) => row.index === range.begin + i);
    this.#expect(dense, `identities of entries ${range.begin} to ${range.end} are not one each`);
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
          `a note of ${row.size} says another head`,
        );
        if (!personality.strictTime) continue;
        this.#expect(opened.timestampMs > this.#lastMs, `time of head ${row.size} goes back`);
        this.#lastMs = opened.timestampMs;
      } catch (error) {
        this.#expect(false, `a note of ${row.size} does not verify: ${String(error)}`);
      }
    }
  }

  #expect(holds: boolean, problem: string): void {
    if (!holds && this.report.problems.length < MAX_PROBLEMS) this.report.problems.push(problem);
  }
}
