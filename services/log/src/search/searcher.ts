import { setImmediate as nextTurn } from 'node:timers/promises';
import { LogError } from '../core/errors.ts';
import { identityKey } from '../core/ports.ts';
import { keysOfBody } from '../core/rekor-v2/search-entry.ts';
import { searchKey, type Sha256 } from '../core/rekor-v2/search-keys.ts';
import type { SearchQuery } from '../core/rekor-v2/search-query.ts';
import type { IndexRange, SearchIndex } from '../core/search-index.ts';
import { storedKey } from '../core/search-rows.ts';
import type { LoadGate } from '../read/load-gate.ts';
import { candidates } from './candidates.ts';
import type { Coverage } from './coverage.ts';

/** One entry that was found, proven under the answer's tree. */
export interface SearchHit {
  index: number;
  leaf: Uint8Array;
  proof: Uint8Array[];
}

/** The tree that an answer speaks of. */
export interface ShownTree {
  size: number;
  root: Uint8Array;
  note: Uint8Array;
  /** Bytes of an entry, proven to be in it. */
  leaf(index: number): Promise<Uint8Array>;
  proof(index: number): Promise<Uint8Array[]>;
}

export interface SearchAnswer {
  tree: ShownTree;
  hits: SearchHit[];
  /** What was looked at. */
  searched: IndexRange;
  /** Parts of it that cannot be found by anything, ascending. */
  missing: IndexRange[];
}

/** Work for one answer, after which it is given with what there is: entries read, statements, and time in ms. */
const MOST_READ = 300;
const MOST_STEPS = 24;
const MOST_MS = 2000;
/** Entries read at once. */
const TOGETHER = 8;
/** Entries of 64 KiB are judged in a millisecond or so each: after that long others are let through. */
const TURN_MS = 5;

export interface SearcherDependencies {
  index: SearchIndex;
  coverage: Pick<Coverage, 'refresh' | 'missing'>;
  /** Bounds the searches under way: another one than that of the reads they make. */
  gate: LoadGate;
  /** The newest tree that may be shown. */
  shownTree: () => Promise<ShownTree>;
  sha256: Sha256;
  /** Of a clock that does not go back. */
  nowMs: () => number;
}

/** Answers questions about one log. What the index says is a hint: each entry is read, proven, and judged by its own bytes. */
export class Searcher {
  readonly #deps: SearcherDependencies;

  constructor(deps: SearcherDependencies) {
    this.#deps = deps;
  }

  /**
   * The first entries from `query.from` on that hold all terms, and what the answer is worth. Throws LogError: `halted`,
   * `unavailable` when the store or the queue before it is too slow, `internal` when an entry is not what the signed tree
   * holds, and what the signal says.
   */
  search(query: SearchQuery, signal: AbortSignal): Promise<SearchAnswer> {
    return this.#deps.gate.run(async () => {
      signal.throwIfAborted();
      try {
        return await this.#answer(query, signal);
      } catch (cause) {
        if (cause instanceof LogError) throw cause;
        throw new LogError('unavailable', 'log is temporarily unavailable', { cause });
      }
    });
  }

  async #answer({ terms, from, limit }: SearchQuery, signal: AbortSignal): Promise<SearchAnswer> {
    const { coverage, shownTree, sha256 } = this.#deps;
    const tree = await shownTree();
    const keys = terms.map((term) => searchKey(term, sha256));
    const page = new Page({ tree, keys, limit, sha256, nowMs: this.#deps.nowMs });
    const whole = { begin: from, end: Math.max(from, tree.size) };
    const searched = { begin: from, end: await this.#fill(page, { keys, whole, signal }) };
    // After the rows were read: what is said to be there must have been there then.
    await coverage.refresh();
    return { tree, hits: page.hits, searched, missing: coverage.missing(searched) };
  }

  /** Resolves with the end of what was looked at. */
  async #fill(
    page: Page,
    { keys, whole, signal }: { keys: readonly Uint8Array[]; whole: IndexRange; signal: AbortSignal },
  ): Promise<number> {
    const { index, nowMs } = this.#deps;
    const isLate = (endMs: number): boolean => nowMs() >= endMs;
    const endMs = nowMs() + MOST_MS;
    let to = whole.begin;
    let steps = 0;
    for await (const step of candidates(index, keys.map(storedKey), whole)) {
      const stoppedAt = await page.take(step.indexes, () => isLate(endMs));
      if (stoppedAt !== undefined) return stoppedAt;
      to = step.to;
      steps += 1;
      if (steps >= MOST_STEPS || isLate(endMs)) return to;
      signal.throwIfAborted();
    }
    return to;
  }
}

interface Wanted {
  tree: ShownTree;
  keys: readonly Uint8Array[];
  limit: number;
  sha256: Sha256;
  nowMs: () => number;
}

/** The hits of one answer as they are found. */
class Page {
  readonly hits: SearchHit[] = [];
  readonly #wanted: Wanted;
  #read = 0;
  #turnMs: number;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
    this.#turnMs = wanted.nowMs();
  }

  /** Judges entries in order; resolves with the end of those judged when no more are to be taken. */
  async take(indexes: readonly number[], isLate: () => boolean): Promise<number | undefined> {
    const { limit, tree } = this.#wanted;
    for (let at = 0; at < indexes.length; at += TOGETHER) {
      const some = indexes.slice(at, at + TOGETHER);
      const leaves = await Promise.all(some.map(async (index) => ({ index, leaf: await tree.leaf(index) })));
      this.#read += some.length;
      const held: { index: number; leaf: Uint8Array }[] = [];
      for (const entry of leaves) {
        // What is in memory comes without the loop having turned.
        await this.#breathe();
        if (this.#holds(entry.leaf)) held.push(entry);
      }
      const proven = held.slice(0, limit - this.hits.length).map(async (entry) => {
        const proof = await tree.proof(entry.index);
        return { ...entry, proof };
      });
      this.hits.push(...(await Promise.all(proven)));
      if (this.hits.length >= limit) return (this.hits.at(-1)?.index ?? 0) + 1;
      if (this.#read >= MOST_READ || isLate()) return (some.at(-1) ?? 0) + 1;
    }
    return undefined;
  }

  /** The row that led here may be wrong, or be of another value with the same beginning of its hash. */
  #holds(leaf: Uint8Array): boolean {
    const { keys, sha256 } = this.#wanted;
    const held = new Set(keysOfBody(leaf, sha256).map(identityKey));
    return keys.every((key) => held.has(identityKey(key)));
  }

  async #breathe(): Promise<void> {
    const { nowMs } = this.#wanted;
    if (nowMs() - this.#turnMs < TURN_MS) return;
    await nextTurn();
    this.#turnMs = nowMs();
  }
}
