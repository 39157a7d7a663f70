/** Where the time comes from; all in ms. */
export interface LoopSource {
  /** Of a clock that does not go back. */
  nowMs(): number;
  /** How long the event loop has had nothing to do since it began. */
  idleMs(): number;
  /** Calls back once when everything that was ready in this turn of the loop has been read. */
  afterTurn(callback: () => void): void;
}

/** Idle time below this is the price of a turn, not rest. */
const REST_MS = 0.5;

/**
 * How long a request that is read now may have waited in the kernel. Nobody notes when it came; but it was not there when
 * the loop last looked, at the begin of the turn before, or else it would have been read in that one. A loop that had
 * nothing to do meanwhile was waiting for it.
 */
export class UnreadTime {
  readonly #source: LoopSource;
  #inTurn = false;
  #turnMs = Number.NEGATIVE_INFINITY;
  #previousMs = Number.NEGATIVE_INFINITY;
  #idleMs = 0;

  constructor(source: LoopSource) {
    this.#source = source;
  }

  /** Called for every request. */
  at(nowMs: number): number {
    if (!this.#inTurn) this.#begin(nowMs);
    return nowMs - this.#previousMs;
  }

  #begin(nowMs: number): void {
    this.#inTurn = true;
    const idleMs = this.#source.idleMs();
    const isRested = idleMs - this.#idleMs > REST_MS;
    this.#previousMs = isRested || this.#turnMs === Number.NEGATIVE_INFINITY ? nowMs : this.#turnMs;
    this.#turnMs = nowMs;
    this.#source.afterTurn(() => {
      this.#inTurn = false;
      this.#idleMs = this.#source.idleMs();
    });
  }
}

/** The loop of this process. */
export function processLoop(): LoopSource {
  return {
    nowMs: () => performance.now(),
    idleMs: () => performance.eventLoopUtilization().idle,
    afterTurn: (callback) => void setImmediate(callback),
  };
}
