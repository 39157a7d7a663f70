import { Outage } from './errors.ts';
import type { Clock, TimeFloor } from './ports.ts';

/** A clock that once ran ahead has put its time into tokens: only another leaf, with a floor of its own, can go below it. */
const CLOCK_REMEDY = 'correct the clock, or, if it had run ahead, rotate the leaf and start a new floor';

export interface GenTimeOptions {
  clock: Clock;
  floor: TimeFloor;
  /**
   * How far, in seconds, the clock may be behind the last token before nothing is issued any more. Within it a token
   * repeats the last second, which is what its stated accuracy allows. Default 1.
   */
  maxBehindSec?: number;
}

/**
 * Gives the time of each token: whole seconds, never lower than any before it, also over restarts (I6).
 * A second is stored before the first token that carries it exists, so a crash at any point leaves the stored floor at
 * or above every token that left. One write a second at most, shared by all who wait for it.
 */
export class GenTimeSource {
  readonly #clock: Clock;
  readonly #floor: TimeFloor;
  readonly #maxBehindSec: number;
  #storedSec: number;
  #raising: Promise<void> | undefined;

  constructor(options: GenTimeOptions) {
    this.#clock = options.clock;
    this.#floor = options.floor;
    this.#maxBehindSec = options.maxBehindSec ?? 1;
    this.#storedSec = options.floor.startSec ?? Number.NEGATIVE_INFINITY;
  }

  /** Seconds by which the clock is behind the last token beyond what is tolerated; 0 when all is well. */
  behindSec(): number {
    const behind = this.#storedSec - this.#nowSec();
    return behind > this.#maxBehindSec ? behind : 0;
  }

  /** Milliseconds since 1970, whole seconds. Throws Outage `clock_behind`, `floor_unavailable`. */
  async next(): Promise<number> {
    for (;;) {
      const behind = this.behindSec();
      if (behind > 0)
        throw new Outage('clock_behind', `the clock is ${behind} s behind the last token; ${CLOCK_REMEDY}`);
      // The second is read anew after each wait: what was stored meanwhile may be higher.
      if (this.#nowSec() <= this.#storedSec) return this.#storedSec * 1000;
      await this.#store();
    }
  }

  #store(): Promise<void> {
    this.#raising ??= this.#raise(this.#nowSec()).finally(() => {
      this.#raising = undefined;
    });
    return this.#raising;
  }

  async #raise(sec: number): Promise<void> {
    try {
      await this.#floor.raise(sec);
    } catch (cause) {
      throw new Outage('floor_unavailable', 'the time of the next token could not be stored', cause);
    }
    this.#storedSec = Math.max(this.#storedSec, sec);
  }

  #nowSec(): number {
    return Math.floor(this.#clock.nowMs() / 1000);
  }
}
