/** The only source of time. Services get it as an argument; nothing else reads the system clock. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z, a whole number. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/**
 * A clock that never goes back within this process: when the source steps back it stands still until the source has
 * caught up. It knows nothing of earlier processes; who needs more compares with what was stored.
 */
export function monotonicClock(source: Clock): Clock {
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    nowMs() {
      lastMs = Math.max(lastMs, source.nowMs());
      return lastMs;
    },
  };
}
