import type { PlacedTile, TreeHasher } from '@sigstead/merkle';
import type { Clock } from '@sigstead/platform';
import { LogError, StoreError } from '../core/errors.ts';
import { closedBy } from '../core/life.ts';
import type { LogStore, Personality, SequencingTransaction } from '../core/ports.ts';
import type { LeafRecord } from '../core/records.ts';
import { MAX_CLOCK_LAG_MS } from '../core/time.ts';
import { settleOutcome } from './outcome.ts';
import type { Waiter } from './queue.ts';
import { answerAll, type Closed, type Staged, stageBatch, stageNote } from './stage.ts';
import type { Tree } from './tree.ts';

export interface BatchWriterDependencies {
  hasher: TreeHasher;
  store: LogStore;
  personality: Personality;
  tree: Tree;
  clock: Clock;
  metrics: { committed(batch: { entries: number; seconds: number }): void; proofFailed(): void };
  /** Waits before a retry. */
  pause: (ms: number) => Promise<void>;
  /** Called with every batch as it is published, before its waiters are answered. */
  onPublished?: (firstIndex: number, records: readonly LeafRecord[], fullTiles: readonly PlacedTile[]) => void;
  isClosing: () => boolean;
}

/** How far heads may be ahead of the clock before the next one waits for it. */
const AHEAD_MS = 10;

/**
 * Sequencing transactions, one at a time: begin, stage, commit, mark, publish, answer. Who is in a batch, and what becomes
 * of one that was not stored, is decided by its caller.
 */
export class BatchWriter {
  readonly #deps: BatchWriterDependencies;
  /** The session on which the head and the mark were compared with what this process knows. */
  #session: number | undefined;

  constructor(deps: BatchWriterDependencies) {
    this.#deps = deps;
  }

  /**
   * One transaction; resolves to true when every waiter was answered. False: certainly not stored, another process came
   * first. Throws LogError and StoreError; nobody was answered then.
   */
  async write(batch: readonly Waiter[]): Promise<boolean> {
    const { tree } = this.#deps;
    tree.assertRunning();
    await tree.publishKnown();
    await this.#awaitClock();
    const startedMs = performance.now();
    const tx = await this.#begin();
    const staged = await this.#stage(tx, batch).catch(async (error: unknown) => {
      await tx.rollback();
      if (error instanceof StoreError && error.code === 'conflict') return 'behind' as const;
      throw error;
    });
    if (staged === 'behind') {
      await tx.rollback();
      await tree.catchUp();
      return false;
    }
    if (typeof staged === 'string') {
      await tx.rollback();
      throw this.#closedBy(staged);
    }
    if (!(await this.#commit(tx, staged))) {
      await tree.catchUp();
      return false;
    }
    await this.#release(batch, staged);
    const seconds = (performance.now() - startedMs) / 1000;
    this.#deps.metrics.committed({ entries: staged.plan.records.length, seconds });
    return true;
  }

  /** Signs the standing head anew, unless others have grown the tree; then takes over what there is. Throws as write(). */
  async refresh(): Promise<void> {
    const { tree, personality, clock } = this.#deps;
    tree.assertRunning();
    const tx = await this.#begin();
    try {
      const staged = await stageNote(tx, { personality, known: tree.known, nowMs: clock.nowMs() });
      tree.assertRunning();
      if (staged === 'staged') await tx.commit();
      else await tx.rollback();
      if (staged !== undefined && staged !== 'staged') throw this.#closedBy(staged);
    } catch (error) {
      await tx.rollback();
      if (error instanceof LogError && error.code === 'halted') tree.halt(error);
      throw error;
    }
    // The newest note is read back with its head: the same way whether it is ours or another process's.
    await tree.catchUp();
  }

  /** Where every head is later than the last, many small batches would run ahead of the clock: they become fewer instead. */
  async #awaitClock(): Promise<void> {
    const { personality, tree, clock, pause } = this.#deps;
    const aheadMs = personality.strictTime ? tree.known.head.timestampMs - clock.nowMs() : 0;
    if (aheadMs > AHEAD_MS && aheadMs <= MAX_CLOCK_LAG_MS) await pause(aheadMs);
  }

  /** A transaction on a server whose tree holds all that was known and marked. A new session may lead to another server. */
  async #begin(): Promise<SequencingTransaction> {
    const { store, tree } = this.#deps;
    for (;;) {
      const tx = await store.begin();
      if (tx.session === this.#session) return tx;
      await tx.rollback();
      await tree.catchUp();
      this.#session = tx.session;
    }
  }

  async #stage(tx: SequencingTransaction, batch: readonly Waiter[]): Promise<Staged | 'behind' | Closed> {
    const { hasher, personality, clock, metrics, tree } = this.#deps;
    tree.assertRunning();
    const submissions = batch.map((waiter) => waiter.submission);
    const input = { hasher, personality, metrics, known: tree.known, nowMs: clock.nowMs(), submissions };
    const staged = await stageBatch(tx, input);
    // What was signed is dropped when something else has stopped the log meanwhile.
    tree.assertRunning();
    return staged;
  }

  #closedBy(state: Closed): LogError {
    this.#deps.tree.noteState(state);
    return closedBy(state);
  }

  /** Resolves to whether the batch is stored. Throws when that is certain not to be so, for another reason than a lost race. */
  async #commit(tx: SequencingTransaction, staged: Staged): Promise<boolean> {
    const { store, pause, tree, isClosing } = this.#deps;
    try {
      await tx.commit();
      return true;
    } catch (error) {
      await tx.rollback();
      const isUnknown = error instanceof StoreError && error.code === 'unknown';
      // Without rows of its own there is nothing to find again; what was read is not believed, so the batch starts over.
      if (!isUnknown || staged.state === undefined) throw error;
      const { head } = staged.state;
      const catchUp = (): Promise<void> => tree.catchUp();
      return settleOutcome({ store, catchUp, base: staged.standing.head, head, pause, isClosing });
    }
  }

  /** The batch is durable: raise the mark, publish, then answer. */
  async #release(batch: readonly Waiter[], staged: Staged): Promise<void> {
    const { tree, onPublished } = this.#deps;
    const { plan, from, standing, state } = staged;
    if (state !== undefined) {
      await tree.accept(state, from);
      onPublished?.(standing.head.size, plan.records, plan.grown?.fullTiles ?? []);
    } else if (standing !== tree.published) {
      await tree.accept(standing, from);
    }
    answerAll(batch, staged);
  }
}
