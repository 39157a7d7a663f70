import { equalHashes } from '@sigstead/merkle';
import { LogError } from '../core/errors.ts';
import type { LogStore, Mark, MarkStore } from '../core/ports.ts';
import { asContradiction, checkNotBehind, halted, type LogState, nameHead, sameHead } from '../core/state.ts';
import type { TileSource } from '../read/tile-source.ts';
import { BoundedMark } from './bounded.ts';

export interface MarkedDependencies {
  store: Pick<LogStore, 'headRoot'>;
  tiles: TileSource;
  mark: MarkStore | undefined;
  limitMs: number;
  /** Told of a contradiction that was found after its caller had been given up. */
  halt: (error: LogError) => void;
}

/** The tree and its high-water mark: what one says was shown, the other must contain. Without a mark everything agrees. */
export class Marked {
  readonly #store: Pick<LogStore, 'headRoot'>;
  readonly #tiles: TileSource;
  readonly #mark: MarkStore | undefined;

  constructor({ store, tiles, mark, limitMs, halt }: MarkedDependencies) {
    this.#store = store;
    this.#tiles = tiles;
    const onLate = (error: unknown): void => {
      if (error instanceof LogError && error.code === 'halted') halt(error);
    };
    this.#mark = mark === undefined ? undefined : new BoundedMark(mark, { limitMs, onLate });
  }

  get isKept(): boolean {
    return this.#mark !== undefined;
  }

  /** Throws `unavailable` when there is no answer in time, and what the mark throws. */
  async read(): Promise<Mark | undefined> {
    return this.#mark?.read();
  }

  /**
   * Raises the mark to a state that is durable. Marks of others, lower or higher than it, must be of this very tree:
   * else `halted`. Throws otherwise as read().
   */
  async raise(state: LogState, shown: LogState): Promise<void> {
    const { size, root } = state.head;
    const standing = await this.#mark?.advance({ size, root }, (lower) => this.check(lower, state, shown));
    if (standing === undefined || standing.size <= size) return;
    // Whoever raised it has committed before; heads of one database are one chain. Both must be in it: after a failover
    // the mark may have been raised on another server than the one that took this state.
    for (const head of [state.head, standing]) {
      const known = await this.#store.headRoot(head.size);
      if (known !== undefined && equalHashes(known, head.root)) continue;
      throw halted(`the mark (${nameHead(standing)}) is of another tree than the database's (${nameHead(state.head)})`);
    }
  }

  /** The tree must contain what a mark read before its head says was shown, by whomever. Throws `halted`. */
  async check(mark: Mark | undefined, state: LogState, shown: LogState): Promise<void> {
    if (mark === undefined || sameHead(mark, shown.head)) return;
    if (mark.size > state.head.size) {
      throw halted(`the head in the database (${nameHead(state.head)}) is below the mark (${nameHead(mark)})`);
    }
    const root = await this.#tiles.rootAt(state.edge, mark.size).catch(asContradiction);
    if (equalHashes(root, mark.root)) return;
    throw halted(
      `the tree in the database has root ${Buffer.from(root).toString('hex')} where the mark has ${nameHead(mark)}; its head is ${nameHead(state.head)}`,
    );
  }

  /**
   * What is taken over must lead to what is known, or be on the way to it: who asks and who writes may have come to two
   * servers. Throws `halted`.
   */
  async checkOneTree(state: LogState, known: LogState): Promise<void> {
    if (state.head.size === known.head.size) return checkNotBehind(known.head, state.head);
    const [lower, higher] = state.head.size < known.head.size ? [state, known] : [known, state];
    const root = await this.#tiles.rootAt(higher.edge, lower.head.size).catch(asContradiction);
    if (equalHashes(root, lower.head.root)) return;
    throw halted(
      `what the database took (${nameHead(state.head)}) and what it told (${nameHead(known.head)}) are of two trees`,
    );
  }
}
