import { LogError } from '../core/errors.ts';
import type { Shown } from '../publication.ts';

/** Let go at once: some 5 ms of the event loop. */
const TURN = 64;

interface Waiter {
  readonly index: number;
  resolve(): void;
  reject(error: Error): void;
}

export interface WaitingOptions<S> {
  waitMs: number;
  maxWaiting: number;
  pollMs: number;
  current: () => S | undefined;
  /** Throws when no newer one will come. */
  assertHope: () => void;
  /** Looks for what others published. Never rejects. */
  look: () => Promise<void>;
}

/** Those who wait for a publication that holds their entry: bounded in number, each in time. */
export class Waiting<S extends Pick<Shown, 'head'>> {
  readonly #options: WaitingOptions<S>;
  readonly #waiters = new Set<Waiter>();
  #polling = false;
  #ended: Error | undefined;

  constructor(options: WaitingOptions<S>) {
    this.#options = options;
  }

  checkRoom(): void {
    if (this.#waiters.size >= this.#options.maxWaiting) throw new LogError('queue_full', 'reached max pushback; retry');
  }

  /** The newest that holds the entry `index`; any, for -1. */
  async until(index: number, signal?: AbortSignal): Promise<S> {
    for (;;) {
      const current = this.#options.current();
      if (current !== undefined && current.head.size > index) return current;
      await this.#next(index, signal);
    }
  }

  /** There is a newer one. */
  notice(): void {
    const size = this.#options.current()?.head.size ?? -1;
    void letGo([...this.#waiters].filter(({ index }) => index < size));
  }

  /** For good. */
  end(error: Error): void {
    this.#ended = error;
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  async #next(index: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#options.assertHope();
    this.checkRoom();
    if (signal?.aborted === true) throw reasonOf(signal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter = { index, resolve, reject };
    const gone = (): void => reject(reasonOf(signal));
    const timer = setTimeout(() => reject(late(index, this.#options.waitMs)), this.#options.waitMs);
    signal?.addEventListener('abort', gone, { once: true });
    this.#waiters.add(waiter);
    void this.#poll();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', gone);
      this.#waiters.delete(waiter);
    }
  }

  /** As long as somebody waits. Whoever publishes in this process tells it besides. */
  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    while (this.#waiters.size > 0) {
      await new Promise((resolve) => {
        setTimeout(resolve, this.#options.pollMs);
      });
      await this.#options.look();
    }
    this.#polling = false;
  }
}

/** In turns of the event loop: each of them makes a proof next, and what else the process does must not wait for all of those. */
async function letGo(waiters: readonly Waiter[]): Promise<void> {
  for (let begin = 0; begin < waiters.length; begin += TURN) {
    for (const waiter of waiters.slice(begin, begin + TURN)) waiter.resolve();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** It is in the log all the same: who asks again finds it, and its proof once there is one. */
function late(index: number, waitMs: number): LogError {
  const what = index < 0 ? 'no checkpoint is witnessed yet' : 'entry is not in a witnessed checkpoint yet';
  return new LogError('unavailable', `${what}; retry`, { detail: `none was published within ${waitMs} ms` });
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new LogError('cancelled', 'context canceled');
}
