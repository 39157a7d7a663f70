import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Target } from './connection.ts';
import type { ReadReport } from './reader.ts';
import type { LogIdentity } from './trust.ts';

export interface CheckerData {
  readonly target: Target;
  readonly log: LogIdentity;
  readonly readers: number;
}

export type CheckerCall =
  | { kind: 'check'; answer: Uint8Array; expected: Uint8Array }
  | { kind: 'start' }
  | { kind: 'finish' };

/** Of one run: answers checked, what was wrong with them, what the readers saw. */
export interface CheckerAnswer {
  readonly checked: number;
  readonly faults: readonly string[];
  readonly read: ReadReport;
}

/** Verifies answers and runs the readers in a thread of its own, so that the generator is not late because of them. */
export class Checker {
  readonly #worker: Worker;

  constructor(data: CheckerData) {
    this.#worker = new Worker(new URL('./checker-thread.ts', import.meta.url), { workerData: data });
  }

  /** Begins a run. */
  start(): void {
    this.#call({ kind: 'start' });
  }

  check(answer: Uint8Array, expected: Uint8Array): void {
    this.#call({ kind: 'check', answer, expected });
  }

  /** Ends a run: resolves when every answer given was checked and the readers have stopped. */
  async finish(): Promise<CheckerAnswer> {
    this.#call({ kind: 'finish' });
    const [answer] = (await once(this.#worker, 'message')) as [CheckerAnswer];
    return answer;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #call(call: CheckerCall): void {
    this.#worker.postMessage(call);
  }
}
