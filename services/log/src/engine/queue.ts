import { LogError, PUSHBACK_TEXT } from '../core/errors.ts';
import type { StoredHead, Submission } from '../core/ports.ts';
import type { LeafRecord } from '../core/records.ts';

/** The answer to one submission, given only after the commit (and the mark) that makes it true. */
export type Receipt =
  | { kind: 'added'; index: number; head: StoredHead; proof: Uint8Array[]; record: LeafRecord }
  | { kind: 'duplicate'; index: number };

/** One caller waiting for one submission. Answered exactly once. */
export interface Waiter {
  readonly submission: Submission;
  resolve(receipt: Receipt): void;
  reject(error: unknown): void;
}

export interface QueueLimits {
  maxEntries: number;
  maxBytes: number;
  maxBatchEntries: number;
  maxBatchBytes: number;
}

export const QUEUE_LIMITS: QueueLimits = {
  maxEntries: 4096,
  maxBytes: 64 * 2 ** 20,
  maxBatchEntries: 1024,
  maxBatchBytes: 4 * 2 ** 20,
};

/** Submissions that wait for the next batch: first in, first out, bounded in number and bytes. */
export class SubmissionQueue {
  readonly #limits: QueueLimits;
  readonly #waiting = new Set<Waiter>();
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#waiting.size;
  }

  /** Throws `queue_full` when not even a small entry would be taken. */
  checkRoom(): void {
    if (this.#isFull(0)) throw new LogError('queue_full', PUSHBACK_TEXT);
  }

  /** Resolves or rejects when the submission's fate is known. Throws `queue_full` at once; then nothing was taken. */
  push(submission: Submission, signal?: AbortSignal): Promise<Receipt> {
    if (this.#isFull(submission.weight)) return Promise.reject(new LogError('queue_full', PUSHBACK_TEXT));
    if (signal?.aborted === true) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const give = (): void => {
        // Still waiting: it will not be sequenced. Already taken: it may be in the log; a repeat finds it there.
        this.#remove(waiter);
        reject(abortError(signal));
      };
      const done = (): void => signal?.removeEventListener('abort', give);
      const waiter: Waiter = {
        submission,
        resolve: (receipt) => {
          done();
          resolve(receipt);
        },
        reject: (error) => {
          done();
          reject(error instanceof Error ? error : new LogError('internal', 'internal error', { cause: error }));
        },
      };
      signal?.addEventListener('abort', give, { once: true });
      this.#waiting.add(waiter);
      this.#bytes += submission.weight;
    });
  }

  /** Takes the next batch out: at least one waiter if there is any. */
  take(): Waiter[] {
    const batch: Waiter[] = [];
    let bytes = 0;
    for (const waiter of this.#waiting) {
      bytes += waiter.submission.weight;
      const over = batch.length >= this.#limits.maxBatchEntries || bytes > this.#limits.maxBatchBytes;
      if (over && batch.length > 0) break;
      batch.push(waiter);
    }
    for (const waiter of batch) this.#remove(waiter);
    return batch;
  }

  #isFull(weight: number): boolean {
    return this.#waiting.size >= this.#limits.maxEntries || this.#bytes + weight > this.#limits.maxBytes;
  }

  #remove(waiter: Waiter): void {
    if (this.#waiting.delete(waiter)) this.#bytes -= waiter.submission.weight;
  }
}

function abortError(signal: AbortSignal | undefined): LogError {
  const reason: unknown = signal?.reason;
  return reason instanceof LogError ? reason : new LogError('cancelled', 'context canceled');
}
