import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';

export interface CampaignOptions {
  readonly inputs: number;
  /** All inputs follow from it. */
  readonly seed: number;
  /** Number of the first input: a finding is repeated with its number here, and one input. */
  readonly first?: number;
  /** Besides the target's own. */
  readonly corpus: readonly Uint8Array[];
}

/** An input that a parser did not handle as it must. */
export interface Finding {
  /** Undefined for one of the corpus. */
  readonly number: number | undefined;
  readonly what: string;
  /** Base64. */
  readonly input: string;
}

/** What a campaign saw. */
export interface Campaign {
  readonly target: string;
  readonly seed: number;
  readonly inputs: number;
  readonly accepted: number;
  readonly seconds: number;
  /** Of the slowest input, by the clock. */
  readonly slowestMs: number;
  /** MiB. Resident: after the first tenth, and the most seen from then on; heap: the same two, collected before. */
  readonly memory: { readonly rss: number; readonly rssMost: number; readonly heap: number; readonly heapEnd: number };
  readonly findings: readonly Finding[];
}

/** What goes to the thread. */
export interface Order extends CampaignOptions {
  readonly target: string;
}

export interface ThreadData {
  readonly files: readonly string[];
  /** One number: how many inputs were begun. */
  readonly progress: SharedArrayBuffer;
}

export type ThreadAnswer = { readonly campaign: Campaign } | { readonly failure: string };

const LOOK_MS = 250;
/** An input that takes so long will never end: the slowest lawful one takes milliseconds. */
const HANG_MS = 30_000;
/** To read the targets and make their seeds, before the first input. */
const START_MS = 60_000;
/** Many times what a parser needs for one input. */
const HEAP_MIB = 512;

/**
 * Runs campaigns in a thread of its own, one after the other, so that an input that never ends is seen and named.
 * `files` export the targets.
 */
export class Fuzzer implements AsyncDisposable {
  readonly #files: readonly string[];
  readonly #hangMs: number;
  #progress = new BigUint64Array(new SharedArrayBuffer(8));
  #worker: Worker | undefined;

  constructor(files: readonly string[], { hangMs = HANG_MS }: { hangMs?: number } = {}) {
    this.#files = files;
    this.#hangMs = hangMs;
  }

  /** Rejects when there is no such target or the harness itself is at fault; whatever a parser does is in the answer. */
  async run(order: Order): Promise<Campaign> {
    const worker = this.#start();
    const startMs = performance.now();
    Atomics.store(this.#progress, 0, 0n);
    return new Promise((fulfil, reject) => {
      let seen = { begun: 0n, atMs: startMs };
      const ended = (what: string): void => {
        stop();
        void this.#drop();
        fulfil(this.#broken(order, what, startMs));
      };
      const watch = setInterval(() => {
        const begun = Atomics.load(this.#progress, 0);
        const patienceMs = begun === 0n ? Math.max(START_MS, this.#hangMs) : this.#hangMs;
        if (begun !== seen.begun) seen = { begun, atMs: performance.now() };
        else if (performance.now() - seen.atMs > patienceMs) ended(`no end after ${patienceMs / 1000} s`);
      }, LOOK_MS);
      const onError = (error: Error): void => ended(`the thread died: ${error.message}`);
      const onMessage = (answer: ThreadAnswer): void => {
        stop();
        if ('campaign' in answer) fulfil(answer.campaign);
        else reject(new Error(answer.failure));
      };
      const stop = (): void => {
        clearInterval(watch);
        worker.off('error', onError).off('message', onMessage);
      };
      worker.on('error', onError).on('message', onMessage);
      worker.postMessage(order);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#drop();
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const progress = new SharedArrayBuffer(8);
    this.#progress = new BigUint64Array(progress);
    const workerData: ThreadData = { files: this.#files, progress };
    const file = resolve(import.meta.dirname, 'campaign-thread.ts');
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_MIB };
    this.#worker = new Worker(file, { workerData, resourceLimits });
    return this.#worker;
  }

  async #drop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  /** The input under way is the one to blame. */
  #broken({ target, seed, first = 0 }: Order, what: string, startMs: number): Campaign {
    const begun = Number(Atomics.load(this.#progress, 0));
    const number = begun === 0 ? undefined : first + begun - 1;
    const memory = { rss: Number.NaN, rssMost: Number.NaN, heap: Number.NaN, heapEnd: Number.NaN };
    const seconds = (performance.now() - startMs) / 1000;
    const findings = [{ number, what, input: '' }];
    return { target, seed, inputs: begun, accepted: 0, seconds, slowestMs: Number.NaN, memory, findings };
  }
}

/** One line for each finding: what it was, and how to see it again. */
export function findingLines({ target, seed, findings }: Campaign): string[] {
  return findings.map(({ number, what, input }) => {
    const again =
      number === undefined
        ? 'corpus'
        : `npm run test:fuzz -- --parser ${target} --seed ${seed} --first ${number} --inputs 1`;
    return `FINDING ${target} #${number ?? 'corpus'} (seed ${seed}): ${what}\n  ${again}\n  base64: ${input}`;
  });
}
