import { LogError } from '../core/errors.ts';
import type { Mark, MarkStore, Personality } from '../core/ports.ts';
import { inTime } from './in-time.ts';

/** How long others may be kept waiting for what this process does not control. All in milliseconds. */
export interface EngineLimits {
  /**
   * For a signature: the log's lock is held meanwhile. Well below the time after which the database ends a session that
   * holds the lock and says nothing (SessionLimits), so that who signs slowly loses its turn, not its session.
   */
  signMs: number;
  /** For reading or raising the mark: nothing is locked, but nobody is answered meanwhile. */
  markMs: number;
  /** For a batch as a whole, from when it is taken to its answers. */
  answerMs: number;
}

export const ENGINE_LIMITS: EngineLimits = { signMs: 1000, markMs: 4000, answerMs: 5000 };

function late(what: string, limitMs: number): LogError {
  const detail = `${what} did not answer within ${limitMs} ms`;
  return new LogError('unavailable', 'failed to integrate entry', { detail });
}

/** The same personality, whose signer is not waited for longer than `limitMs`: then `unavailable`. A late signature is dropped. */
export function signingInTime<P extends Personality>(personality: P, limitMs: number): P {
  return {
    ...personality,
    signHead: (...claim: Parameters<Personality['signHead']>) =>
      inTime(personality.signHead(...claim), limitMs, () => late('the signer', limitMs)),
  };
}

/**
 * The same mark, not waited for longer than `limitMs`: then `unavailable`. What was given up is still under way, so the
 * next call waits for its end first, within its own time: a store that stalls is asked one thing at a time. A
 * contradiction that a late one finds is told to `onLate`.
 */
export class BoundedMark implements MarkStore {
  readonly #mark: MarkStore;
  readonly #limitMs: number;
  readonly #onLate: (error: unknown) => void;
  #raising: Promise<unknown> = Promise.resolve();
  /** The readings that were given up and are under way still. */
  #stalled: Promise<unknown> = Promise.resolve();

  constructor(mark: MarkStore, options: { limitMs: number; onLate: (error: unknown) => void }) {
    this.#mark = mark;
    this.#limitMs = options.limitMs;
    this.#onLate = options.onLate;
  }

  read(): Promise<Mark | undefined> {
    let givenUp = false;
    let begun = false;
    const reading = this.#stalled.then(() => {
      if (givenUp) throw late('the mark', this.#limitMs);
      begun = true;
      return this.#mark.read();
    });
    return inTime(reading, this.#limitMs, () => {
      givenUp = true;
      if (begun) this.#stalled = Promise.all([this.#stalled, reading.catch((error: unknown) => this.#onLate(error))]);
      return late('the mark', this.#limitMs);
    });
  }

  advance(mark: Mark, contains: (lower: Mark) => Promise<void>): Promise<Mark> {
    let givenUp = false;
    const raising = this.#raising.then(() => {
      if (givenUp) throw late('the mark', this.#limitMs);
      return this.#mark.advance(mark, contains);
    });
    this.#raising = raising.catch((error: unknown) => {
      if (givenUp) this.#onLate(error);
    });
    return inTime(raising, this.#limitMs, () => {
      givenUp = true;
      return late('the mark', this.#limitMs);
    });
  }
}
