import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import type { Campaign, Finding, Order, ThreadAnswer, ThreadData } from './campaign.ts';
import { hostileInput } from './hostile.ts';
import type { FuzzTarget } from './target.ts';
import { allTargets } from './targets.ts';

const { files, progress } = workerData as ThreadData;
const begun = new BigUint64Array(progress);
const port = parentPort;
if (port === null) throw new Error('this file is a thread of the fuzzer');

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const MIB = 2 ** 20;
/** By the clock; then it is looked at again. */
const SLOW_MS = 60;
/** CPU of one input, the least of three tries: what a busy machine adds is not in it. */
const SLOW_CPU_MS = 60;
/** Collected heap that a campaign may leave behind, and resident memory that it may take after its first tenth. */
const HEAP_GROWTH_MIB = 16;
const RSS_GROWTH_MIB = 192;
const MOST_FINDINGS = 10;
/** Longer ones are tried as they are. */
const LONGEST_BASE = 16 * 1024;
const SHOWN_CHARS = 40_000;
const SHOWN_FRAMES = 12;

port.on('message', (order: Order) => void answer(order).then((message) => port.postMessage(message)));

async function answer(order: Order): Promise<ThreadAnswer> {
  try {
    const target = (await allTargets(files)).get(order.target);
    if (target === undefined) return { failure: `there is no parser ${order.target}` };
    return { campaign: campaign(target, order) };
  } catch (error) {
    return { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function campaign(target: FuzzTarget, order: Order): Campaign {
  Atomics.store(begun, 0, 0n);
  Error.stackTraceLimit = 0;
  const book = new Book(target);
  const startMs = performance.now();
  const corpus = order.first === undefined ? [...target.seeds, ...order.corpus] : [];
  for (const [at, input] of corpus.entries()) {
    const verdict = book.judge(input, undefined);
    if (at < target.seeds.length && verdict === 'refused') book.find(undefined, input, 'a seed is refused');
  }
  const bases = [...target.seeds, ...order.corpus].filter(({ length }) => length <= LONGEST_BASE);
  const tenth = Math.ceil(order.inputs / 10);
  for (let done = 0; done < order.inputs && book.findings.length < MOST_FINDINGS; done++) {
    Atomics.add(begun, 0, 1n);
    if (done === tenth) book.memory.begin();
    else if (done % tenth === 0) book.memory.look();
    const number = (order.first ?? 0) + done;
    book.judge(hostileInput(target, bases, order.seed, number), number);
  }
  const memory = book.memory.end();
  if (memory.heapEnd - memory.heap > HEAP_GROWTH_MIB)
    book.find(undefined, new Uint8Array(0), `it keeps memory: ${JSON.stringify(memory)}`);
  if (memory.rssMost - memory.rss > RSS_GROWTH_MIB)
    book.find(undefined, new Uint8Array(0), `memory grows: ${JSON.stringify(memory)}`);
  const seconds = (performance.now() - startMs) / 1000;
  const { accepted, slowestMs, findings } = book;
  return {
    target: target.name,
    seed: order.seed,
    inputs: Number(Atomics.load(begun, 0)),
    accepted,
    seconds,
    slowestMs,
    memory,
    findings,
  };
}

/** What one campaign saw. */
class Book {
  readonly findings: Finding[] = [];
  readonly memory = new Memory();
  accepted = 0;
  slowestMs = 0;
  readonly #target: FuzzTarget;

  constructor(target: FuzzTarget) {
    this.#target = target;
  }

  judge(input: Uint8Array, number: number | undefined): 'accepted' | 'refused' | undefined {
    const startMs = performance.now();
    try {
      const verdict = this.#target.judge(input);
      if (verdict === 'accepted' && number !== undefined) this.accepted += 1;
      this.#timed(performance.now() - startMs, input, number);
      return verdict;
    } catch (error) {
      this.find(number, input, this.#whereItThrew(input) ?? `once only: ${String(error)}`);
      return undefined;
    }
  }

  /** Once more, with a trace: a million refusals are made without. */
  #whereItThrew(input: Uint8Array): string | undefined {
    Error.stackTraceLimit = SHOWN_FRAMES;
    try {
      this.#target.judge(input);
      return undefined;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : `thrown: ${String(error)}`;
    } finally {
      Error.stackTraceLimit = 0;
    }
  }

  find(number: number | undefined, input: Uint8Array, what: string): void {
    this.findings.push({ number, what, input: Buffer.from(input).toString('base64').slice(0, SHOWN_CHARS) });
  }

  #timed(ms: number, input: Uint8Array, number: number | undefined): void {
    if (ms < SLOW_MS) {
      this.slowestMs = Math.max(this.slowestMs, ms);
      return;
    }
    const tries = [1, 2, 3].map(() => {
      const before = process.threadCpuUsage();
      this.#target.judge(input);
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1000;
    });
    const cpuMs = Math.min(...tries);
    this.slowestMs = Math.max(this.slowestMs, cpuMs);
    if (cpuMs > SLOW_CPU_MS) this.find(number, input, `${cpuMs.toFixed(0)} ms of CPU for ${input.length} bytes`);
  }
}

/** Of the process: this thread's heap, and all that is resident. */
class Memory {
  #rss = Number.NaN;
  #heap = Number.NaN;
  #rssMost = 0;

  begin(): void {
    this.#heap = settledHeap();
    this.#rss = process.memoryUsage.rss() / MIB;
    this.#rssMost = this.#rss;
  }

  look(): void {
    this.#rssMost = Math.max(this.#rssMost, process.memoryUsage.rss() / MIB);
  }

  end(): Campaign['memory'] {
    this.look();
    return { rss: this.#rss, rssMost: this.#rssMost, heap: this.#heap, heapEnd: settledHeap() };
  }
}

/** Buffers are given back by another thread, some time after their collection: the least of several looks. */
function settledHeap(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look++) {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, (heapUsed + external) / MIB);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
  return least;
}
