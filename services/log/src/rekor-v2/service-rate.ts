/** Long enough for several commits, ms. */
const WINDOW_MS = 500;
/** Weight of a new window that does not show less than is known. */
const NEW_SHARE = 0.5;

/**
 * How many requests are served in a millisecond when there are enough of them. Counted in windows of half a second, which
 * begin and end with an answer. A window in which not all came that could have been served shows only how little there
 * was to do: it may raise what is known, never lower it.
 */
export class ServiceRate {
  #perMs = 0;
  #beganMs = Number.NaN;
  #count = 0;
  /** Whether requests were refused during the whole window. */
  #isFull = false;

  /** 0 until the first window has ended. */
  get perMs(): number {
    return this.#perMs;
  }

  /** One was served; `isFull` says whether others are being refused. */
  served(nowMs: number, { isFull }: { isFull: boolean }): void {
    if (Number.isNaN(this.#beganMs)) return this.#begin(nowMs, isFull);
    this.#count += 1;
    this.#isFull &&= isFull;
    const spanMs = nowMs - this.#beganMs;
    if (spanMs < WINDOW_MS) return;
    const seen = this.#count / spanMs;
    if (this.#isFull || seen > this.#perMs) this.#perMs += (seen - this.#perMs) * (this.#perMs === 0 ? 1 : NEW_SHARE);
    this.#begin(nowMs, isFull);
  }

  #begin(nowMs: number, isFull: boolean): void {
    this.#beganMs = nowMs;
    this.#count = 0;
    this.#isFull = isFull;
  }
}
