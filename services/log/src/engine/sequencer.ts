import type { Logger } from '@sigstead/platform';
import { LogError, PUSHBACK_TEXT, StoreError } from '../core/errors.ts';
import { closedBy } from '../core/life.ts';
import type { Submission } from '../core/ports.ts';
import { BatchWriter, type BatchWriterDependencies } from './batch-writer.ts';
import { Progress } from './progress.ts';
import { QUEUE_LIMITS, type QueueLimits, type Receipt, SubmissionQueue, type Waiter } from './queue.ts';

/** What the operator sees of the engine. */
export interface EngineMetrics {
  committed(batch: { entries: number; seconds: number }): void;
  queueDepth(entries: number): void;
  proofFailed(): void;
  failed(reason: string): void;
}

export interface SequencerDependencies extends Omit<BatchWriterDependencies, 'isClosing'> {
  logger: Logger;
  metrics: EngineMetrics;
  limits?: QueueLimits;
  /** See EngineLimits. */
  answerMs: number;
}

/** Attempts at a batch that certainly was not stored, before its waiters are told so. */
const ATTEMPTS = 4;
const PAUSES_MS = [20, 100, 400];

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
  readonly #writer: BatchWriter;
  readonly #progress: Progress;
  /** What is under way takes longer than anybody is kept waiting: nothing more is taken until it has ended. */
  #isLate = false;

  constructor(deps: SequencerDependencies) {
    this.#deps = deps;
    this.#writer = new BatchWriter({ ...deps, isClosing: () => this.#closing });
    this.#queue = new SubmissionQueue(deps.limits ?? QUEUE_LIMITS);
    this.#progress = new Progress({ clock: deps.clock, intervalMs: deps.answerMs });
  }

  /** Why entries get nowhere, for readiness. */
  trouble(): string | undefined {
    return this.#progress.trouble();
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
    if (this.#closing) throw new LogError('closing', PUSHBACK_TEXT);
    this.#deps.tree.assertRunning();
    // What is frozen stays so. A log that is only read-only is asked again each time.
    if (this.#deps.tree.state === 'frozen') throw closedBy('frozen');
    if (this.#isLate) throw lateAnswer();
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
      const late = (): void => reject(lateAnswer());
      this.#refresh = () =>
        this.#inTime(late, () =>
          this.#writer.refresh().then(resolve, (error: unknown) => reject(toCallerError(error))),
        );
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
      await this.#inTime(
        () => rejectAll(batch, lateAnswer()),
        () => this.#sequence(batch),
      );
    }
    this.#running = undefined;
  }

  /**
   * Sees work through to its end, however long that takes: what may be stored is not left alone. But after `answerMs`
   * those who wait for it, and those who wait behind them, are told to come again.
   */
  async #inTime(giveUp: () => void, work: () => Promise<void>): Promise<void> {
    const timer = setTimeout(() => {
      this.#isLate = true;
      this.#progress.late(true);
      this.#deps.logger.warn({ waiting: this.#queue.length }, 'a batch is late: nobody is kept waiting for it');
      giveUp();
      while (this.#queue.length > 0) rejectAll(this.#queue.take(), lateAnswer());
      this.#deps.metrics.queueDepth(0);
    }, this.#deps.answerMs);
    try {
      await work();
    } finally {
      clearTimeout(timer);
      this.#isLate = false;
      this.#progress.late(false);
    }
  }

  /** Sees a batch through to its end: every waiter is answered when this resolves. Never throws. */
  async #sequence(batch: readonly Waiter[]): Promise<void> {
    let failures = 0;
    for (let turns = 1; ; turns++) {
      try {
        const stored = await this.#writer.write(batch);
        if (stored) return this.#progress.succeeded();
        if (turns >= LOST_TURNS) throw new LogError('unavailable', 'failed to integrate entry');
      } catch (error) {
        failures += 1;
        if (await this.#mayRetry(error, failures)) continue;
        // One entry that the database refuses must not take the others with it.
        if (error instanceof StoreError && error.dataFault && batch.length > 1) return this.#sequenceHalves(batch);
        this.#progress.failed(error);
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
}

function rejectAll(batch: readonly Waiter[], error: unknown): void {
  for (const waiter of batch) waiter.reject(error);
}

/** Stored or not: who asks again finds out. */
function lateAnswer(): LogError {
  return new LogError('unavailable', 'failed to integrate entry', { detail: 'what is under way takes too long' });
}

/** Callers learn that it failed, not why. */
function toCallerError(error: unknown): LogError {
  if (error instanceof LogError) return error;
  return new LogError('unavailable', 'failed to integrate entry', { cause: error });
}
