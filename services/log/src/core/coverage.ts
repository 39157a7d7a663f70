import type { IndexRange } from './search-index.ts';

/** Ranges that are kept: further ones count as missing. */
const MAX_RANGES = 10_000;

/** A set of indexes, as ranges that neither touch nor overlap, ascending. */
export class Ranges {
  readonly #ranges: IndexRange[] = [];

  add({ begin, end }: IndexRange): void {
    if (end <= begin) return;
    const first = this.#firstEndingAt(begin);
    let past = first;
    let from = begin;
    let to = end;
    for (let range = this.#ranges[past]; range !== undefined && range.begin <= end; range = this.#ranges[++past]) {
      from = Math.min(from, range.begin);
      to = Math.max(to, range.end);
    }
    if (past === first && this.#ranges.length >= MAX_RANGES) return;
    this.#ranges.splice(first, past - first, { begin: from, end: to });
  }

  /** What of a range is not in the set. */
  missing({ begin, end }: IndexRange): IndexRange[] {
    const gaps: IndexRange[] = [];
    let at = begin;
    for (let i = this.#firstEndingAt(begin); at < end; i++) {
      const range = this.#ranges[i];
      const until = Math.min(end, range?.begin ?? end);
      if (until > at) gaps.push({ begin: at, end: until });
      at = Math.max(at, range?.end ?? end);
    }
    return gaps;
  }

  /** Position of the first range that ends at an index or later. */
  #firstEndingAt(index: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.end ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** How many indexes there are in disjoint ranges. */
export function countOf(ranges: readonly IndexRange[]): number {
  return ranges.reduce((sum, { begin, end }) => sum + end - begin, 0);
}
