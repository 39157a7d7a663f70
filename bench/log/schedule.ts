/** Arrivals at a constant rate, laid down before the first is sent: a slow server does not slow them. Offsets in ms. */
export interface Schedule {
  readonly count: number;
  /** When arrival `i` (from 0) is meant to be sent. */
  dueMs(i: number): number;
  /** How many arrivals are due at an offset, at most `count`. */
  dueBy(offsetMs: number): number;
}

/** The first arrival is due at once, the last before the seconds are over. */
export function constantRate(perSecond: number, seconds: number): Schedule {
  if (!(perSecond > 0) || !(seconds > 0)) throw new RangeError('rate and seconds must be above zero');
  const count = Math.max(1, Math.floor(perSecond * seconds));
  const dueMs = (i: number): number => (i * 1000) / perSecond;
  return {
    count,
    dueMs,
    dueBy(offsetMs) {
      if (offsetMs < 0) return 0;
      let due = Math.min(count, Math.floor((offsetMs * perSecond) / 1000) + 1);
      // The division may be off by one in its last bit; dueMs decides.
      while (due < count && dueMs(due) <= offsetMs) due += 1;
      while (due > 0 && dueMs(due - 1) > offsetMs) due -= 1;
      return due;
    },
  };
}

/** Which body each request of a run carries: a number used for the first time, or again. */
export interface BodyPlan {
  readonly body: number;
  readonly isRepeat: boolean;
}

/**
 * Spreads repeats evenly: of the first n requests, floor(n × share) repeat a body that came before them, chosen by
 * `random` (0 to 1). Bodies are taken in order; the caller needs at most one for each request.
 */
export function bodyPlanner(share: number, random: () => number): () => BodyPlan {
  if (!(share >= 0 && share < 1)) throw new RangeError('the share of repeats is at least 0 and below 1');
  let asked = 0;
  let fresh = 0;
  return () => {
    const isDue = Math.floor((asked + 1) * share) > Math.floor(asked * share);
    asked += 1;
    if (isDue && fresh > 0) return { body: Math.min(fresh - 1, Math.floor(random() * fresh)), isRepeat: true };
    fresh += 1;
    return { body: fresh - 1, isRepeat: false };
  };
}
