import { LogError } from '../core/errors.ts';

export interface LoadLimits {
  /** Loads under way at once: no more than the connections there are for them. */
  running: number;
  /** Loads that wait for their turn; further ones are refused at once. */
  waiting: number;
  /** Longest wait for a turn. */
  waitMs: number;
}

export const LOAD_LIMITS: LoadLimits = { running: 8, waiting: 256, waitMs: 2000 };

interface Waiter {
  enter(): void;
  readonly timer: NodeJS.Timeout;
}

/** Bounds how much is read at once on behalf of readers. A load must not start another one through the same gate. */
export class LoadGate {
  readonly #limits: LoadLimits;
  readonly #waiting = new Set<Waiter>();
  #running = 0;

  constructor(limits: LoadLimits = LOAD_LIMITS) {
    this.#limits = limits;
  }

  /** Throws `unavailable` when too many wait, or the turn does not come in time; else as `load`. */
  async run<T>(load: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.running) await this.#turn();
    else this.#running += 1;
    try {
      return await load();
    } finally {
      this.#leave();
    }
  }

  /** Resolves with a place that somebody else has left. */
  #turn(): Promise<void> {
    if (this.#waiting.size >= this.#limits.waiting) throw busy('too many reads wait for the store');
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(busy('the store is too slow for the reads that wait'));
      }, this.#limits.waitMs);
      const waiter: Waiter = { enter: resolve, timer };
      this.#waiting.add(waiter);
    });
  }

  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    clearTimeout(next.timer);
    next.enter();
  }
}

function busy(detail: string): LogError {
  return new LogError('unavailable', 'log is temporarily unavailable', { detail });
}
