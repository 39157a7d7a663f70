/** Steps within one power of two: a value is known to within 1/64 of itself. */
const STEPS = 64;
const STEP_BITS = 6;
/** Microseconds up to 2^36, 19 hours; more is counted as that. */
const MAX_BITS = 36;
const BUCKETS = STEPS * (MAX_BITS - STEP_BITS + 1);

/**
 * Counts of times by size, in fixed memory, however many are recorded. A quantile is at most 1.6 % above the time that
 * was recorded, never below it. Times in milliseconds, resolved to a microsecond.
 */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  /** Exact; NaN when nothing was recorded. */
  get maxMs(): number {
    return this.#count === 0 ? Number.NaN : this.#maxMs;
  }

  /** Exact; NaN when nothing was recorded. */
  get meanMs(): number {
    return this.#sumMs / this.#count;
  }

  /** Throws RangeError for what is no time. A negative one, by a clock's grain, counts as zero. */
  record(ms: number): void {
    if (!Number.isFinite(ms)) throw new RangeError(`${ms} is no time`);
    const time = Math.max(0, ms);
    const at = bucketOf(Math.ceil(time * 1000));
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += time;
    this.#maxMs = Math.max(this.#maxMs, time);
  }

  /**
   * The smallest time that at least the part `q` (0 to 1) of all recorded ones do not exceed. NaN when there is none.
   */
  quantileMs(q: number): number {
    if (this.#count === 0) return Number.NaN;
    const wanted = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let at = 0; at < BUCKETS; at++) {
      seen += this.#counts[at] ?? 0;
      if (seen >= wanted) return Math.min(highestOf(at) / 1000, this.#maxMs);
    }
    return this.#maxMs;
  }
}

/** Below STEPS each microsecond has its own bucket; above, the leading STEP_BITS + 1 bits choose one. */
function bucketOf(micros: number): number {
  const value = Math.min(micros, 2 ** MAX_BITS - 1);
  if (value < STEPS) return value;
  const shift = Math.floor(Math.log2(value)) - STEP_BITS;
  return shift * STEPS + Math.floor(value / 2 ** shift);
}

/** Largest number of microseconds that falls into a bucket. */
function highestOf(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (bucket - shift * STEPS + 1) * 2 ** shift - 1;
}
