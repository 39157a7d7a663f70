import type { HeadClaim } from './ports.ts';

/** A signed head that somebody holds, of this log: the tree must have that root at that size. */
export interface KnownHead extends Pick<HeadClaim, 'size' | 'root'> {
  /** Who holds it, for the report. */
  readonly name: string;
}

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

const MAX_PROBLEMS = 100;

/** What a check counts and finds as it goes. */
export class Findings {
  readonly problems: string[] = [];
  fullTiles = 0;

  expect(holds: boolean, problem: string): void {
    if (!holds && this.problems.length < MAX_PROBLEMS) this.problems.push(problem);
  }

  /** As many as a report has room for. */
  get areMany(): boolean {
    return this.problems.length >= MAX_PROBLEMS;
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
