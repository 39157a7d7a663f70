/**
 * Remembers over restarts the highest genTime that a token may carry, so that a clock set back between two runs cannot
 * make a later token look earlier (invariant I6).
 *
 * Durability: when `raise` resolves, a crash or power cut cannot bring back a lower value.
 * Concurrency: the caller never has two calls under way; one store belongs to one running authority.
 * Retries: none here. A `raise` that rejects may or may not have happened; asking again with the same value is safe.
 */
export interface TimeFloor {
  /** Seconds since 1970; `undefined` when no token was ever made. Read once, at start. */
  readonly startSec: number | undefined;
  /** Never lowers: a value at or below the stored one changes nothing. Rejects when it could not be stored. */
  raise(sec: number): Promise<void>;
}

/** Milliseconds since 1970, a whole number. May step back: that is what the floor is for. */
export interface Clock {
  nowMs(): number;
}

/** Fresh random octets, unpredictable and never repeated. */
export type RandomBytes = (count: number) => Uint8Array;
