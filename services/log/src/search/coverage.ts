import { Ranges } from '../core/coverage.ts';
import type { IndexRange, SearchIndex } from '../core/search-index.ts';

/** Rows read with one statement: some 50 ms of the database. */
const BATCHES_PER_PAGE = 100_000;
const RANGES_PER_PAGE = 10_000;

/**
 * Of which entries the keys are stored, as this process knows it. Rows are only added, so only what is new is read; the last
 * row that was known is read again, and when it is gone, the owner has emptied the tables and all is read anew.
 */
export class Coverage {
  readonly #index: Pick<SearchIndex, 'storedWith' | 'rebuilt'>;
  #ranges = new Ranges();
  #lastBatch: number | undefined;
  #lastRebuilt: Rebuilt | undefined;
  #refreshing: Promise<void> | undefined;

  constructor(index: Pick<SearchIndex, 'storedWith' | 'rebuilt'>) {
    this.#index = index;
  }

  /**
   * Takes over what was stored before the call. The first time, and only then, this takes as long as the log has batches.
   * Throws as SearchIndex.
   */
  async refresh(): Promise<void> {
    // What is under way may have read before the call: it is waited for, and another look is made.
    const before = this.#refreshing;
    if (before !== undefined) await before.catch(() => undefined);
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  /** What of a range cannot be found, ascending. */
  missing(range: IndexRange): IndexRange[] {
    return this.#ranges.missing(range);
  }

  async #read(): Promise<void> {
    if ((await this.#readBatches()) && (await this.#readRebuilt())) return;
    this.#ranges = new Ranges();
    this.#lastBatch = undefined;
    this.#lastRebuilt = undefined;
    await this.#readBatches();
    await this.#readRebuilt();
  }

  /** False when what was known is gone. */
  async #readBatches(): Promise<boolean> {
    for (;;) {
      const from = this.#lastBatch;
      const page = await this.#index.storedWith({ from: from ?? 0, most: BATCHES_PER_PAGE });
      if (from !== undefined && page?.first !== from) return false;
      if (page === undefined) return true;
      for (const run of page.runs) this.#ranges.add(run);
      this.#lastBatch = page.last;
      if (page.batches < BATCHES_PER_PAGE || page.last === from) return true;
    }
  }

  async #readRebuilt(): Promise<boolean> {
    for (;;) {
      const known = this.#lastRebuilt;
      const page = await this.#index.rebuilt({ from: known?.ordinal ?? 0, most: RANGES_PER_PAGE });
      const [first] = page;
      const last = page.at(-1);
      // In emptied tables ordinals begin anew: the same one may then be of less.
      if (known !== undefined && (first === undefined || !isSame(first, known))) return false;
      if (last === undefined) return true;
      for (const range of page) this.#ranges.add(range);
      this.#lastRebuilt = last;
      if (page.length < RANGES_PER_PAGE || last.ordinal === known?.ordinal) return true;
    }
  }
}

type Rebuilt = IndexRange & { ordinal: number };

function isSame(a: Rebuilt, b: Rebuilt): boolean {
  return a.ordinal === b.ordinal && a.begin === b.begin && a.end === b.end;
}
