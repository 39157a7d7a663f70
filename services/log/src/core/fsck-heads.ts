import { equalHashes, type TreeEdge, tilesForSize } from '@sigstead/merkle';
import { LogError } from './errors.ts';
import { type Findings, type FsckReport, hex, type KnownHead, type RowCounts } from './fsck-report.ts';
import type { HistoryRow, Personality } from './ports.ts';
import { nameHead } from './state.ts';

/** A tree that a head was compared with: the one before, and what its batch added. */
interface Grown {
  from: TreeEdge;
  edge: TreeEdge;
  leafHashes: readonly Uint8Array[];
}

/** The chain of heads, their notes, and heads that others hold. */
export class FsckHeads {
  readonly #findings: Findings;
  readonly #personality: Personality;
  readonly #counts: RowCounts | undefined;
  readonly #known: KnownHead[];
  #size = 0;
  #heads = 0;
  #notes = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(options: {
    findings: Findings;
    personality: Personality;
    counts?: RowCounts;
    known?: readonly KnownHead[];
  }) {
    this.#findings = options.findings;
    this.#personality = options.personality;
    this.#counts = options.counts;
    this.#known = [...(options.known ?? [])].sort((a, b) => a.size - b.size);
  }

  /** Before the batch of a head is read. */
  follows(row: HistoryRow, size: number): void {
    const expected = this.#heads === 0 ? -1 : size;
    this.#findings.expect(
      row.previousSize === expected,
      `head ${row.size} follows ${row.previousSize}, not ${expected}`,
    );
  }

  /** Compares a head with the tree of all entries up to it. */
  at(row: HistoryRow, grown: Grown): void {
    const root = grown.edge.root();
    this.#findings.expect(
      equalHashes(root, row.root),
      `head ${nameHead(row)} is not the root of its entries, which is ${hex(root)}`,
    );
    this.#checkNotes(row);
    this.#checkKnown(grown);
    this.#size = row.size;
    this.#heads += 1;
  }

  report(complete: boolean): FsckReport {
    const { problems, fullTiles } = this.#findings;
    return { size: this.#size, heads: this.#heads, notes: this.#notes, fullTiles, complete, problems };
  }

  /** When no head is left. */
  finish(edge: TreeEdge): FsckReport {
    this.#findings.expect(this.#heads > 0, 'the log has no head');
    this.#compareCounts(edge.size);
    for (const head of this.#known) {
      const text = `${head.name} (${nameHead(head)}) is larger than the log, which has ${edge.size} entries`;
      this.#findings.expect(false, text);
    }
    return this.report(true);
  }

  #compareCounts(size: number): void {
    const counts = this.#counts;
    if (counts === undefined) return;
    const tiles = tilesForSize(size).reduce((sum, { fullTiles }) => sum + fullTiles, 0);
    const compare = (what: string, found: number, expected: number): void =>
      this.#findings.expect(found === expected, `there are ${found} ${what} where a log of this size has ${expected}`);
    compare('heads', counts.heads, this.#heads);
    compare('batches', counts.batches, this.#heads - 1);
    compare('full tiles', counts.tiles, tiles);
    compare('identities', counts.identities, size);
    compare('leaf hashes', counts.leafHashes, this.#personality.findsByLeafHash ? size : 0);
    // Notes may be added to a head at any time.
    this.#findings.expect(counts.notes <= this.#notes, `there are ${counts.notes} notes, some of no head`);
  }

  #checkNotes(row: HistoryRow): void {
    this.#findings.expect(row.notes.length > 0, `head ${row.size} has no note`);
    for (const [i, note] of row.notes.entries()) {
      this.#notes += 1;
      try {
        this.#checkNote(row, note, i === 0);
      } catch (error) {
        this.#findings.expect(false, `a note of ${row.size} does not verify: ${reasonOf(error)}`);
      }
    }
  }

  #checkNote(row: HistoryRow, note: Uint8Array, isFirst: boolean): void {
    const opened = this.#personality.openHead(note);
    this.#findings.expect(
      opened.size === row.size && equalHashes(opened.root, row.root),
      `a note of ${row.size} says another head: ${nameHead(opened)}, not ${nameHead(row)}`,
    );
    if (!this.#personality.strictTime) return;
    this.#findings.expect(opened.timestampMs > this.#lastMs, `time of head ${row.size} goes back`);
    const sameTime = !isFirst || opened.timestampMs === row.timestampMs;
    this.#findings.expect(sameTime, `head ${row.size} has another time than its note`);
    this.#lastMs = opened.timestampMs;
  }

  #checkKnown({ from, edge, leafHashes }: Grown): void {
    for (let next = this.#known[0]; next !== undefined && next.size <= edge.size; next = this.#known[0]) {
      this.#known.shift();
      const tree = next.size === edge.size ? edge : from.append(leafHashes.slice(0, next.size - from.size)).edge;
      const root = tree.root();
      const text = `${next.name} (${nameHead(next)}) is of another tree: the log had root ${hex(root)} at that size`;
      this.#findings.expect(equalHashes(root, next.root), text);
    }
  }
}

/** What an error says to the operator. */
export function reasonOf(error: unknown): string {
  if (error instanceof LogError) return error.detail ?? error.message;
  return error instanceof Error ? error.message : String(error);
}
