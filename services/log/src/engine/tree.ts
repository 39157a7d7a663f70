import { equalHashes, TreeEdge, type TreeHasher } from '@sigstead/merkle';
import type { Logger } from '@sigstead/platform';
import { LogError } from '../core/errors.ts';
import type { LifeState } from '../core/life.ts';
import type { LogStore, MarkStore, Peek, Personality } from '../core/ports.ts';
import {
  checkHeadNote,
  checkNotBehind,
  halted,
  isOlder,
  type LogState,
  nameHead,
  replay,
  restoreEdge,
  sameHead,
} from '../core/state.ts';
import { SharedRun } from '../core/shared-run.ts';
import type { TileSource } from '../read/tile-source.ts';
import { Marked } from './marked.ts';
import { checkNewMark, loadPartials } from './restore.ts';

/** Leaf hashes read and hashed in one go when catching up: some 10 ms of the event loop. */
const REPLAY_PAGE = 8192;

/** How long a checkpoint is held back to look for a newer one. */
const PATIENCE_MS = 300;

/** The same where others answer at the same address, who may have shown it. */
const SHARED_PATIENCE_MS = 2000;

/** And when it is known to be there: by then the server has ended a session that stands still with the log's lock. */
const NEWS_PATIENCE_MS = 5000;

export interface TreeDependencies {
  hasher: TreeHasher;
  store: LogStore;
  personality: Personality;
  tiles: TileSource;
  mark: MarkStore | undefined;
  /** See EngineLimits. */
  markMs: number;
  /** Takes a log with entries that has no mark, if it has at least so many. Without it, having none stops the start. */
  newMark?: { atLeast: number };
  logger: Logger;
}

/**
 * What this process knows of the tree. `known` is durable (its commit was acknowledged, or it was read by a settled
 * read) and proven to extend all that was known before; `published` is the part of it that the mark covers and that may
 * be shown. Both only ever grow. If the process dies, all of this is read and proven again at the next start.
 */
export class Tree {
  readonly #deps: TreeDependencies;
  readonly #mark: Marked;
  #known: LogState;
  #published: LogState;
  #halted: LogError | undefined;
  #state: LifeState = 'active';
  /** False when the contradiction was found at the start: then there is nothing that could be shown. */
  #proven = true;
  readonly #catchingUp = new SharedRun(() => this.#follow());
  readonly #looking = new SharedRun(() => this.#lookForNews());
  #lookedMs = Number.NEGATIVE_INFINITY;
  /** What the newest look without a lock found: others may have shown it. */
  #heard: Pick<Peek, 'size' | 'ordinal'> = { size: 0, ordinal: 0 };

  private constructor(deps: TreeDependencies, state: LogState) {
    this.#deps = deps;
    this.#mark = new Marked({ ...deps, limitMs: deps.markMs, halt: (error) => this.halt(error) });
    this.#known = state;
    this.#published = state;
  }

  /**
   * Reads the settled head, proves the stored edge against it, checks the mark. A contradiction gives a halted tree.
   * Throws StoreError, and LogError: `misconfigured` when there is no mark, `unavailable` when it cannot be read or raised.
   */
  static async open(deps: TreeDependencies): Promise<Tree> {
    const empty = { size: 0, root: deps.hasher.empty(), timestampMs: 0, note: new Uint8Array(0), ordinal: 0 };
    const tree = new Tree(deps, { head: empty, edge: TreeEdge.empty(deps.hasher) });
    try {
      const mark = await tree.#mark.read();
      const { head } = await deps.store.settle({ afterSize: 0 });
      checkHeadNote(deps.personality, head);
      const partials = await loadPartials(deps.store, head.size);
      const state = { head, edge: restoreEdge(deps.hasher, head, partials) };
      if (tree.#mark.isKept && mark === undefined) checkNewMark(head, deps.newMark);
      await tree.#mark.check(mark, state, tree.#published);
      await tree.accept(state, tree.known);
      await tree.catchUpIfBehind();
      // Nothing was published before: the first state is shown even when it is the empty tree.
      tree.#published = tree.#known;
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'halted') throw error;
      tree.halt(error);
      tree.#proven = false;
    }
    return tree;
  }

  get known(): LogState {
    return this.#known;
  }

  /** Throws `halted` when the stored tree contradicted what was seen from the start. */
  get published(): LogState {
    if (!this.#proven && this.#halted !== undefined) throw this.#halted;
    return this.#published;
  }

  /** What the database was last seen to say. Only `frozen` may be relied on: it is for ever. */
  get state(): LifeState {
    return this.#state;
  }

  /** Called by whoever has read it. */
  noteState(state: LifeState): void {
    if (this.#state !== 'frozen') this.#state = state;
  }

  get haltedBy(): LogError | undefined {
    return this.#halted;
  }

  /** Sticky until the process is started again by somebody who has looked: nothing is signed or adopted any more. */
  halt(error: LogError): void {
    if (this.#halted !== undefined) return;
    this.#halted = error;
    this.#deps.logger.error(
      { detail: error.detail },
      'the log is read-only: the stored tree contradicts what was seen; nothing is signed until it is started again on the right data (docs/runbooks/read-only-log.md)',
    );
  }

  /** Throws the reason when the tree has halted. */
  assertRunning(): void {
    if (this.#halted !== undefined) throw this.#halted;
  }

  /**
   * Takes over a state whose head is durable and whose edge was grown from `from`. What became known since then may have
   * come from another server, and must be of the same tree. Raises the mark, then publishes. When the mark cannot be
   * raised the state stays known but is not shown, and the call throws.
   */
  async accept(state: LogState, from?: LogState): Promise<void> {
    for (let proven = from; this.#known !== proven; ) {
      const known = this.#known;
      await this.#guard(() => this.#mark.checkOneTree(state, known));
      proven = known;
    }
    this.assertRunning();
    if (!isOlder(state.head, this.#known.head)) this.#known = state;
    await this.publishKnown();
  }

  /** Raises the mark to what is known and shows it. */
  async publishKnown(): Promise<void> {
    const state = this.#known;
    if (state === this.#published) return;
    await this.#guard(() => this.#mark.raise(state, this.#published));
    this.assertRunning();
    if (!isOlder(state.head, this.#published.head)) this.#published = state;
  }

  /** Adopts what other processes had appended when it was called, or later. Callers at the same time share runs. */
  catchUp(): Promise<void> {
    return this.#catchingUp.run();
  }

  /** For readers that ask beyond the edge: looks without a lock first, so that such questions cost writers nothing. */
  async catchUpIfBehind(): Promise<void> {
    if (this.#halted === undefined) await this.#looking.run();
  }

  /**
   * For checkpoints: looks, at most once in `maxAgeMs`, whether others appended. What is shown when the database is slow
   * or away is older, never wrong. At 0 others answer at the same address: what a look has found is waited for, so that
   * nothing older is shown after it; throws `unavailable` when it cannot be had.
   */
  async refresh(nowMs: number, maxAgeMs: number): Promise<void> {
    if (nowMs - this.#lookedMs < maxAgeMs && nowMs >= this.#lookedMs) return;
    this.#lookedMs = nowMs;
    const looked = this.catchUpIfBehind().catch((error: unknown) => {
      this.#deps.logger.warn({ error }, 'cannot look for a newer head');
    });
    await atMost(looked, maxAgeMs === 0 ? SHARED_PATIENCE_MS : PATIENCE_MS);
    if (maxAgeMs > 0 || !this.#hasNews()) return;
    await atMost(looked, NEWS_PATIENCE_MS);
    if (this.#hasNews()) throw new LogError('unavailable', 'log is temporarily unavailable');
  }

  /** A log that has halted takes nothing over: it shows what it has. */
  #hasNews(): boolean {
    return this.#halted === undefined && isOlder(this.#published.head, this.#heard);
  }

  /**
   * One look of the watch: whether mark and database still agree with what this process has shown. Halts the tree when
   * they do not; throws that, or what kept it from looking.
   */
  async watch(): Promise<void> {
    if (this.#halted !== undefined) return;
    await this.#guard(async () => {
      const mark = await this.#mark.read();
      if (mark === undefined || sameHead(mark, this.#published.head)) await this.catchUpIfBehind();
      else await this.catchUp();
    });
  }

  async #lookForNews(): Promise<void> {
    const peeked = await this.#peek();
    if (peeked === 'contradicts') {
      // The settled read decides. If it finds nothing, reads and writes go to two databases.
      await this.catchUp();
      if ((await this.#peek()) === 'contradicts') await this.#guard(() => this.#refuseDatabase());
    } else {
      this.#heard = peeked;
      if (this.#hasNews()) await this.catchUp();
    }
  }

  async #peek(): Promise<Peek | 'contradicts'> {
    const { size, root } = this.#published.head;
    const peeked = await this.#deps.store.peek({ size });
    this.noteState(peeked.state);
    const isThere = peeked.root !== undefined && equalHashes(peeked.root, root);
    return isThere || peeked.standby ? peeked : 'contradicts';
  }

  #refuseDatabase(): never {
    throw halted(`reads go to a database without the head this process has shown (${nameHead(this.#published.head)})`);
  }

  async #follow(): Promise<void> {
    this.assertRunning();
    await this.#guard(async () => {
      // The mark before the head: others raise it all the time, and only after they have committed what it names.
      const mark = await this.#mark.read();
      const from = this.#known;
      const { head } = await this.#deps.store.settle({ afterSize: from.head.size });
      checkNotBehind(from.head, head);
      checkHeadNote(this.#deps.personality, head);
      let edge = from.edge;
      while (edge.size < head.size) {
        const end = Math.min(head.size, edge.size + REPLAY_PAGE);
        edge = edge.append(await this.#deps.store.leafHashes({ begin: edge.size, end })).edge;
      }
      const state = { head, edge: replay(edge, [], head) };
      await this.#mark.check(mark, state, this.#published);
      await this.accept(state, from);
    });
  }

  /** Runs a step; a contradiction it finds halts the tree before it is thrown on. */
  async #guard(step: () => Promise<void> | undefined | void): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (error instanceof LogError && error.code === 'halted') this.halt(error);
      throw error;
    }
  }
}

/** Resolves with the work, or without it after so long. */
async function atMost(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, enough]);
  clearTimeout(timer);
}
