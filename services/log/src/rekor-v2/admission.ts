import { ServiceRate } from './service-rate.ts';

/** Entries under way that are let in whatever was measured: before the first is refused, and while others are refused. */
const LEAST_BURST = 256;
const LEAST = 128;
/** Entries under way before the first is refused, as long as nothing was measured. */
const FIRST_BURST = 512;
/** Waits, ms, that entries let in may expect: before the first is refused, and while others are refused. */
const BURST_WAIT_MS = 250;
const WAIT_MS = 120;
/** A refusal is remembered so long, ms. */
const CALM_MS = 1000;
/** While requests wait unread, the limit goes down to this part of itself at most. */
const LEAST_SHARE = 1 / 4;

/** When something is asked: ms of a clock that does not go back, and ms that what is read now may have waited unread. */
export interface Moment {
  readonly nowMs: number;
  readonly unreadMs: number;
}

/**
 * How many entries may be under way in this process, by the time they may expect to wait: the rate at which they are
 * served, as measured, times a bound. There are two bounds. A burst is let in up to the wider one. Once that was met,
 * more is offered than can be served, and a full queue would only make all who are let in wait longer; so until nobody
 * has been refused for a second the narrow one holds, narrower still while requests wait unread: to refuse takes time as
 * well, and what is read too late is answered too late.
 */
export class Admission {
  readonly #rate = new ServiceRate();
  #underWay = 0;
  #refusedAtMs = Number.NEGATIVE_INFINITY;

  get underWay(): number {
    return this.#underWay;
  }

  /** Whether one more may come in. A no counts as a refusal. */
  isOpen(at: Moment): boolean {
    if (this.#underWay < this.limit(at)) return true;
    this.#refusedAtMs = at.nowMs;
    return false;
  }

  /** Lets in one that was told it may; leave() is called once for it, however it ends. */
  enter(): void {
    this.#underWay += 1;
  }

  /** Who fails, or goes away early, says nothing of the rate of service. */
  leave(nowMs: number, how: 'served' | 'failed'): void {
    this.#underWay -= 1;
    if (how === 'served') this.#rate.served(nowMs, { isFull: this.#isRefusing(nowMs) });
  }

  /** Entries that may be under way now. */
  limit({ nowMs, unreadMs }: Moment): number {
    const { perMs } = this.#rate;
    if (!this.#isRefusing(nowMs)) {
      return perMs === 0 ? FIRST_BURST : Math.max(LEAST_BURST, Math.floor(perMs * BURST_WAIT_MS));
    }
    const share = Math.max(LEAST_SHARE, 1 - unreadMs / WAIT_MS);
    return Math.floor(Math.max(LEAST, perMs * WAIT_MS) * share);
  }

  #isRefusing(nowMs: number): boolean {
    return nowMs - this.#refusedAtMs < CALM_MS;
  }
}
