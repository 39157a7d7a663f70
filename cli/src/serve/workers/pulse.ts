/** How often a worker says that it is alive. */
export const BEAT_MS = 1_000;

export interface PulseLimits {
  /** A worker silent for this long while another one beats is taken for stopped. Milliseconds. */
  readonly silentMs: number;
  /** When none beats, the fault may be the machine's: only after this long one is given up. Milliseconds. */
  readonly allSilentMs: number;
}

/** With a beat a second: killed at most 5 s after its last sign of life. */
export const PULSE_LIMITS: PulseLimits = { silentMs: 4_000, allSilentMs: 30_000 };

/**
 * Which workers are paused or stuck. Such a one keeps its connections and answers nothing on them: ended, they are cut, clients try
 * again, and another worker takes its place. Times are of a monotonic clock, in milliseconds.
 */
export class Pulse {
  readonly #limits: PulseLimits;
  readonly #beats = new Map<number, number>();
  #lookedMs: number | undefined;

  constructor(limits: PulseLimits = PULSE_LIMITS) {
    this.#limits = limits;
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
    const gapMs = nowMs - (this.#lookedMs ?? nowMs);
    this.#lookedMs = nowMs;
    // Whoever stopped this process may have stopped all: nobody is judged by a time that it did not see pass.
    if (gapMs > this.#limits.silentMs) for (const slot of this.#beats.keys()) this.#beats.set(slot, nowMs);
    const silentMs = [...this.#beats].map(([slot, beatMs]) => ({ slot, forMs: nowMs - beatMs }));
    const limitMs = silentMs.some(({ forMs }) => forMs < this.#limits.silentMs)
      ? this.#limits.silentMs
      : this.#limits.allSilentMs;
    return silentMs.filter(({ forMs }) => forMs >= limitMs).map(({ slot }) => slot);
  }
}
