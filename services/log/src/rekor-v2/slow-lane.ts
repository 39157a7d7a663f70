import { LogError, PUSHBACK_TEXT } from '../core/errors.ts';

/** Pieces of work that wait: at 1 to 3 ms each, 64 to 200 ms of them. Those who come later would only wait longer. */
const MAX_WAITING = 64;

/**
 * Work that holds the event loop for a millisecond or more, one piece in each of the loop's turns. Between two pieces all
 * that has arrived meanwhile is read and answered, so however many come, others wait for one piece and never for all of
 * them; with nothing else to do, the pieces follow one another without a pause. Who gives up while he waits costs nothing.
 */
export class SlowLane {
  readonly #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves to what `work` returns. Throws what it throws, `queue_full` when too many wait, or the signal's reason. */
  run<T>(work: () => T, signal?: AbortSignal): Promise<T> {
    if (this.#waiting.length >= MAX_WAITING) return Promise.reject(new LogError('queue_full', PUSHBACK_TEXT));
    return new Promise((resolve, reject) => {
      const piece = (): void => {
        try {
          signal?.throwIfAborted();
          resolve(work());
        } catch (error) {
          reject(error instanceof Error ? error : new LogError('internal', 'internal error', { cause: error }));
        }
      };
      if (this.#waiting.push(piece) === 1) setImmediate(() => this.#next());
    });
  }

  #next(): void {
    const piece = this.#waiting.shift();
    piece?.();
    if (this.#waiting.length > 0) setImmediate(() => this.#next());
  }
}
