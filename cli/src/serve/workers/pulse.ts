/** How often a worker says that it is alive. */
export const BEAT_MS = 1_000;

export interface PulseLimits {
  /** A worker that is stopped (SIGSTOP, a debugger) has this long while another one beats. Milliseconds. */
  readonly silentMs: number;
  /** One that merely is silent may be slow on a busy machine: only after this long it is stuck. Milliseconds. */
  readonly stuckMs: number;
}

/** With a beat a second: a stopped one is ended at most 5 s after its last sign of life. */
export const PULSE_LIMITS: PulseLimits = { silentMs: 4_000, stuckMs: 30_000 };

/**
 * Which workers are paused or stuck. Such a one keeps its connections and answers nothing on them: ended, they are cut, clients try
 * again, and another worker takes its place. Times are of a monotonic clock, in milliseconds.
 */
export class Pulse {
  readonly #limits: PulseLimits;
  readonly #isStopped: (slot: number) => boolean;
  readonly #beats = new Map<number, number>();
  #lookedMs: number | undefined;

  /** `isStopped`: whether the operating system has stopped that worker, as far as it can be known. */
  constructor(limits: PulseLimits, isStopped: (slot: number) => boolean) {
    this.#limits = limits;
    this.#isStopped = isStopped;
  }

  /** A sign of life; the first one begins the watch. */
  beat(slot: number, nowMs: number): void {
    this.#beats.set(slot, nowMs);
  }

  /** The worker is gone, or is about to go. */
  forget(slot: number): void {
    this.#beats.delete(slot);
  }

  /** Slots to be ended now. To be asked far more often than a worker may be silent. */
  silent(nowMs: number): number[] {
    const { silentMs, stuckMs } = this.#limits;
    const gapMs = nowMs - (this.#lookedMs ?? nowMs);
    this.#lookedMs = nowMs;
    // Whoever stopped this process may have stopped all: nobody is judged by a time that it did not see pass.
    if (gapMs > silentMs) for (const slot of this.#beats.keys()) this.#beats.set(slot, nowMs);
    const found = [...this.#beats].map(([slot, beatMs]) => ({ slot, forMs: nowMs - beatMs }));
    const anyLives = found.some(({ forMs }) => forMs < silentMs);
    return found
      .filter(({ slot, forMs }) => forMs >= stuckMs || (forMs >= silentMs && anyLives && this.#isStopped(slot)))
      .map(({ slot }) => slot);
  }
}
