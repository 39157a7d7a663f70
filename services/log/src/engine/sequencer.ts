import type { TreeHasher } from '@sigstead/merkle';
import type { Clock, Logger } from '@sigstead/platform';
import { LogError, StoreError } from '../core/errors.ts';
import { closedBy } from '../core/life.ts';
import type { LogStore, Personality, SequencingTransaction, Submission } from '../core/ports.ts';
import type { LeafRecord } from '../core/records.ts';
import { MAX_CLOCK_LAG_MS } from '../core/time.ts';
import { settleOutcome } from './outcome.ts';
import { QUEUE_LIMITS, type QueueLimits, type Receipt, SubmissionQueue, type Waiter } from './queue.ts';
import { answerAll, type Closed, type Staged, stageBatch, stageNote } from './stage.ts';
import type { Tree } from './tree.ts';

/** What the operator sees of the engine. */
export interface EngineMetrics {
  committed(batch: { entries: number; seconds: number }): void;
  queueDepth(entries: number): void;
  proofFailed(): void;
  failed(reason: string): void;
}

export interface SequencerDependencies {
  hasher: TreeHasher;
  store: LogStore;
  personality: Personality;
  tree: Tree;
  clock: Clock;
  logger: Logger;
  metrics: EngineMetrics;
  /** Waits before a retry. */
  pause: (ms: number) => Promise<void>;
  /** Called with every batch as it is published, before its waiters are answered. */
  onPublished?: (firstIndex: number, records: readonly LeafRecord[]) => void;
  limits?: QueueLimits;
}

/** Attempts at a batch that certainly was not stored, before its waiters are told so. */
const ATTEMPTS = 4;
const PAUSES_MS = [20, 100, 400];

/** How far heads may be ahead of the clock before the next one waits for it. */
const AHEAD_MS = 10;

/** Turns a batch may lose to other processes before its waiters are told to come again. */
const LOST_TURNS = 100;

/**
 * Leaderless group commit. Submissions that arrive while a batch commits make up the next one; there is no timer. One
 * transaction per batch fixes indexes, entries, tiles, head and signed note together; safety rests on the constraints
 * of that transaction, so any number of processes may run this at once. If we die at any point, the batch is in the
 * log whole or not at all, and nobody was told that it is in before it was.
 */
export class Sequencer {
  readonly #deps: SequencerDependencies;
  readonly #queue: SubmissionQueue;
  #running: Promise<void> | undefined;
  #closing = false;
  /** The refresh that waits for its turn, and what its callers wait for. */
  #refresh: (() => Promise<void>) | undefined;
  #refreshing: Promise<void> | undefined;
  /** The session on which the head and the mark were compared with what this process knows. */
  #session: number | undefined;

  constructor(deps: SequencerDependencies) {
    this.#deps = deps;
    this.#queue = new SubmissionQueue(deps.limits ?? QUEUE_LIMITS);
  }

  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Resolves when the submission is in the tree under a durable, verified, signed head. Throws LogError: queue_full,
   * closing, halted, read_only (nothing was taken); unavailable, deadline, cancelled (not acknowledged, stored or not: asking again
   * gives the entry its index or finds it); or what the submission's own leaf() threw.
   */
  async append(submission: Submission, signal?: AbortSignal): Promise<Receipt> {
    this.checkRoom();
    const receipt = this.#queue.push(submission, signal);
    this.#deps.metrics.queueDepth(this.#queue.length);
    this.#running ??= this.#run();
    return receipt;
  }

  /** Throws what append() would throw at once: asked before the work of verifying an entry. */
  checkRoom(): void {
    if (this.#closing) throw new LogError('closing', 'reached max pushback; retry');
    this.#deps.tree.assertRunning();
    // What is frozen stays so. A log that is only read-only is asked again each time.
    if (this.#deps.tree.state === 'frozen') throw closedBy('frozen');
    this.#queue.checkRoom();
  }

  /**
   * Signs the standing head anew, with the time of now, as one more note of the same size and root; when others have
   * grown the tree, theirs is newer and is taken over instead. Callers at the same time share one. Throws as append().
   */
  refreshHead(): Promise<void> {
    if (this.#closing) return Promise.reject(new LogError('closing', 'log is temporarily unavailable'));
    // One sequencing transaction at a time: the refresh waits for its turn between two batches.
    this.#refreshing ??= new Promise((resolve, reject) => {
      this.#refresh = () => this.#refreshOnce().then(resolve, (error: unknown) => reject(toCallerError(error)));
      this.#running ??= this.#run();
    });
    return this.#refreshing;
  }

  /** Takes nothing more; resolves when everything taken has been answered. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Lets all that arrived in this turn of the event loop into the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 || this.#refresh !== undefined) {
      await this.#refresh?.();
      this.#refresh = undefined;
      this.#refreshing = undefined;
      if (this.#queue.length === 0) continue;
      const batch = this.#queue.take();
      this.#deps.metrics.queueDepth(this.#queue.length);
      await this.#sequence(batch);
    }
    this.#running = undefined;
  }

  /** Sees a batch through to its end: every waiter is answered when this resolves. Never throws. */
  async #sequence(batch: readonly Waiter[]): Promise<void> {
    let failures = 0;
    for (let turns = 1; ; turns++) {
      try {
        const stored = await this.#attempt(batch);
        if (stored) return;
        if (turns >= LOST_TURNS) throw new LogError('unavailable', 'failed to integrate entry');
      } catch (error) {
        failures += 1;
        if (await this.#mayRetry(error, failures)) continue;
        // One entry that the database refuses must not take the others with it.
        if (error instanceof StoreError && error.dataFault && batch.length > 1) return this.#sequenceHalves(batch);
        return rejectAll(batch, toCallerError(error));
      }
    }
  }

  async #sequenceHalves(batch: readonly Waiter[]): Promise<void> {
    const middle = Math.ceil(batch.length / 2);
    await this.#sequence(batch.slice(0, middle));
    await this.#sequence(batch.slice(middle));
  }

  /** Only what certainly was not stored is tried again. */
  async #mayRetry(error: unknown, failures: number): Promise<boolean> {
    const { logger, metrics, tree } = this.#deps;
    if (error instanceof LogError && error.code === 'halted') tree.halt(error);
    const isCoded = error instanceof StoreError || error instanceof LogError;
    metrics.failed(isCoded ? error.code : 'internal');
    // A log that takes no entries is no failure of a batch.
    const level = error instanceof LogError && error.code === 'read_only' ? 'debug' : 'warn';
    logger[level]({ error, detail: error instanceof LogError ? error.detail : undefined, failures }, 'a batch failed');
    // What one entry's data brought about, no waiting mends: the batch is divided at once.
    if (!(error instanceof StoreError) || error.dataFault || failures >= ATTEMPTS) return false;
    await this.#deps.pause(PAUSES_MS[failures - 1] ?? 0);
    return true;
  }

  /** One transaction. False: certainly not stored, another process came first. */
  async #attempt(batch: readonly Waiter[]): Promise<boolean> {
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

  async #refreshOnce(): Promise<void> {
    const { tree, personality, clock } = this.#deps;
    tree.assertRunning();
    const tx = await this.#begin();
    try {
      const { known } = tree;
      const head = await stageNote(tx, { personality, known, nowMs: clock.nowMs() });
      if (typeof head === 'string') throw this.#closedBy(head);
      if (head !== undefined) await tx.commit();
      else await tx.rollback();
    } catch (error) {
      await tx.rollback();
      if (error instanceof LogError && error.code === 'halted') tree.halt(error);
      throw error;
    }
    // The newest note is read back with its head: the same way whether it is ours or another process's.
    await tree.catchUp();
  }

  #closedBy(state: Closed): LogError {
    this.#deps.tree.noteState(state);
    return closedBy(state);
  }

  #stage(tx: SequencingTransaction, batch: readonly Waiter[]): Promise<Staged | 'behind' | Closed> {
    const { hasher, personality, clock, metrics, tree } = this.#deps;
    const submissions = batch.map((waiter) => waiter.submission);
    return stageBatch(tx, { hasher, personality, metrics, known: tree.known, nowMs: clock.nowMs(), submissions });
  }

  /** Resolves to whether the batch is stored. Throws when that is certain not to be so, for another reason than a lost race. */
  async #commit(tx: SequencingTransaction, staged: Staged): Promise<boolean> {
    const { store, pause, tree } = this.#deps;
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
      return settleOutcome({ store, catchUp, base: staged.base, head, pause, isClosing: () => this.#closing });
    }
  }

  /** The batch is durable: raise the mark, publish, then answer. */
  async #release(batch: readonly Waiter[], staged: Staged): Promise<void> {
    const { tree, onPublished } = this.#deps;
    const { plan, base, state } = staged;
    if (state !== undefined) {
      await tree.accept(state);
      onPublished?.(base.size, plan.records);
    } else if (base.size > tree.published.head.size) {
      await tree.catchUp();
    }
    answerAll(batch, staged);
  }
}

function rejectAll(batch: readonly Waiter[], error: unknown): void {
  for (const waiter of batch) waiter.reject(error);
}

/** Callers learn that it failed, not why. */
function toCallerError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  return new LogError('unavailable', 'failed to integrate entry', { cause: error });
}
