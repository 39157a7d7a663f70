import { type Answer, headerOf } from './answer.ts';
import type { Outcome } from './connection.ts';
import { Histogram } from './histogram.ts';
import type { BodyPlan } from './schedule.ts';

const SHOWN_FAULTS = 5;

/**
 * Book of one run: what was answered to which body, and whether all of it can be true together. A fault is an answer
 * that is not true, or no proper answer at all; a run with one is void.
 */
export class Ledger {
  readonly accepted = new Histogram();
  readonly duplicate = new Histogram();
  readonly refused = new Histogram();
  readonly faults: string[] = [];
  faultCount = 0;
  answered = 0;
  /** Index + 1 by body, 0 where none was told; of entries added, and of entries said to be there already. */
  readonly #added: Float64Array;
  readonly #found: Float64Array;
  /** 1 where a request was refused or lost: it may have been added all the same. */
  readonly #unknown: Uint8Array;

  constructor(bodies: number) {
    this.#added = new Float64Array(bodies);
    this.#found = new Float64Array(bodies);
    this.#unknown = new Uint8Array(bodies);
  }

  /** Takes one outcome; `true` when it is a new entry. */
  record({ body }: BodyPlan, outcome: Outcome, latencyMs: number): boolean {
    this.answered += 1;
    const status = outcome instanceof Error ? 0 : outcome.status;
    if (status !== 201 && status !== 409) this.#unknown[body] = 1;
    if (outcome instanceof Error) return this.fault(`no answer: ${outcome.message}`);
    switch (outcome.status) {
      case 201:
        return this.#recordAdded(body, outcome, latencyMs);
      case 409:
        return this.#recordFound(body, outcome, latencyMs);
      case 503:
        this.refused.record(latencyMs);
        if (headerOf(outcome.head, 'retry-after') === undefined) this.fault('503 without Retry-After');
        return false;
      default:
        return this.fault(`${outcome.status} ${outcome.body.toString('utf8', 0, 200)}`);
    }
  }

  /** Notes a fault found elsewhere. */
  fault(what: string): false {
    this.faultCount += 1;
    if (this.faults.length < SHOWN_FAULTS) this.faults.push(what);
    return false;
  }

  /** After the last answer: one index for one entry, one entry for one index. */
  close(): void {
    this.#found.forEach((found, body) => {
      const added = this.#added[body] ?? 0;
      // A repeat may overtake the first; then the first finds it there. But one of them was told that it is new.
      if (found !== 0 && added === 0 && this.#unknown[body] === 0)
        this.fault(`body ${body} is said to be there, and to nobody that it was added`);
      if (found !== 0 && added !== 0 && found !== added)
        this.fault(`body ${body} has index ${added - 1}, and ${found - 1} was told to one who repeated it`);
    });
    const used = this.#added.filter((index) => index !== 0).toSorted();
    used.forEach((index, i) => {
      if (i > 0 && used[i - 1] === index) this.fault(`index ${index - 1} was told for two entries`);
    });
  }

  #recordAdded(body: number, answer: Answer, latencyMs: number): boolean {
    const index = indexOf(answer.body);
    if (index === undefined) return this.fault('201 without an index');
    // A log may answer a repeat as it did the first: with the entry that is there.
    if (this.#added[body] === index + 1) return this.#recordIndex(body, String(index), latencyMs);
    if (this.#added[body] !== 0) return this.fault(`body ${body} was added twice`);
    this.#added[body] = index + 1;
    this.accepted.record(latencyMs);
    return true;
  }

  #recordFound(body: number, { head }: Answer, latencyMs: number): false {
    const index = headerOf(head, 'x-log-index') ?? '';
    if (!/^\d{1,16}$/.test(index)) return this.fault('409 without an index');
    return this.#recordIndex(body, index, latencyMs);
  }

  #recordIndex(body: number, index: string, latencyMs: number): false {
    if (this.#found[body] !== 0 && this.#found[body] !== Number(index) + 1)
      return this.fault(`body ${body} was found at two indexes`);
    this.#found[body] = Number(index) + 1;
    this.duplicate.record(latencyMs);
    return false;
  }
}

/** `logIndex` stands first in our answers; elsewhere the whole answer is read. */
function indexOf(body: Buffer): number | undefined {
  const first = /^\{"logIndex":"(\d{1,16})"/.exec(body.toString('latin1', 0, 40))?.[1];
  if (first !== undefined) return Number(first);
  try {
    const { logIndex } = JSON.parse(body.toString('utf8')) as { logIndex?: unknown };
    return typeof logIndex === 'string' && /^\d{1,16}$/.test(logIndex) ? Number(logIndex) : undefined;
  } catch {
    // Not JSON: the caller calls it a fault.
    return undefined;
  }
}
