import { setTimeout as wait } from 'node:timers/promises';
import { parseSignedCheckpoint, verifyNote } from '@sigstead/formats';
import type { Outcome } from '../log/connection.ts';
import { closedLoop, Connections, type Driven, openLoop, type Requests } from '../log/drive.ts';
import { Histogram } from '../log/histogram.ts';
import { constantRate } from '../log/schedule.ts';
import { machineCpuSeconds, treeCpuSeconds } from '../machine/cpu.ts';
import type { Leaves } from './leaves.ts';
import type { System } from './systems.ts';

export type Load = { kind: 'open'; perSecond: number } | { kind: 'closed'; inFlight: number };

/** One run of one load on one server. Times in ms. */
export interface Run {
  readonly system: System['name'];
  readonly load: Load;
  readonly done: number;
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lagP99Ms: number;
  /** Parts of a core. */
  readonly generator: number;
  readonly others: number;
  readonly checked: number;
  readonly faults: readonly string[];
}

export interface MeasureOptions {
  readonly leaves: Leaves;
  /** Gives numbers of leaves that were never sent to this server. */
  readonly nextLeaf: () => number;
  readonly seconds: number;
  readonly verifyEvery: number;
}

/** What a server leaves for later is its work as well. */
const AFTERMATH_MS = 1000;
const DRAIN_MS = 25_000;
const MOST_CHECKED = 200;
/** Of a closed loop: more than any machine we know does. */
const MOST_PER_SECOND = 50_000;
const CONNECTIONS = 4096;

interface Sample {
  leaf: number;
  body: Buffer;
}

export async function measure(system: System, load: Load, options: MeasureOptions): Promise<Run> {
  const book = new Book(options);
  const connections = new Connections(system.target, CONNECTIONS);
  const cpu = watch(system);
  try {
    const driven = await drive(
      load,
      connections,
      book.requests(options.leaves.requests(system.target)),
      options.seconds,
    );
    const generator = cpu.generator() / (driven.elapsedMs / 1000);
    await wait(AFTERMATH_MS);
    const spent = cpu.server();
    const perSecond = (book.latency.count * 1000) / driven.elapsedMs;
    return {
      system: system.name,
      load,
      done: book.latency.count,
      perSecond,
      perCpuSecond: book.latency.count / spent.seconds,
      p50Ms: book.latency.quantileMs(0.5),
      p99Ms: book.latency.quantileMs(0.99),
      lagP99Ms: driven.lag.quantileMs(0.99),
      generator,
      others: spent.others,
      ...(await book.check(system)),
    };
  } finally {
    connections.close();
  }
}

function drive(load: Load, connections: Connections, requests: Requests, seconds: number): Promise<Driven> {
  if (load.kind === 'open') {
    return openLoop({ schedule: constantRate(load.perSecond, seconds), connections, requests, drainMs: DRAIN_MS });
  }
  const { inFlight } = load;
  return closedLoop({ inFlight, seconds, count: MOST_PER_SECOND * seconds, connections, requests });
}

function watch({ pids }: System): { generator(): number; server(): { seconds: number; others: number } } {
  const startMs = performance.now();
  const own = process.cpuUsage();
  const before = { server: treeCpuSeconds(...pids), machine: machineCpuSeconds().busy };
  const ownSeconds = (): number => {
    const { user, system } = process.cpuUsage(own);
    return (user + system) / 1e6;
  };
  return {
    generator: ownSeconds,
    server() {
      const seconds = treeCpuSeconds(...pids) - before.server;
      const busy = machineCpuSeconds().busy - before.machine;
      return { seconds, others: Math.max(0, (busy - seconds - ownSeconds()) / ((performance.now() - startMs) / 1000)) };
    },
  };
}

/** Notes what was answered, and looks some of it up again. */
class Book {
  readonly latency = new Histogram();
  readonly #options: MeasureOptions;
  readonly #sent = new Map<number, number>();
  readonly #samples: Sample[] = [];
  readonly #faults: string[] = [];

  constructor(options: MeasureOptions) {
    this.#options = options;
  }

  requests(requestOf: (leaf: number) => Buffer): Requests {
    return {
      request: (i) => {
        const leaf = this.#options.nextLeaf();
        if (i % this.#options.verifyEvery === 0) this.#sent.set(i, leaf);
        return requestOf(leaf);
      },
      answered: (i, outcome, latencyMs) => this.#answered(i, outcome, latencyMs),
    };
  }

  #answered(i: number, outcome: Outcome, latencyMs: number): void {
    if (outcome instanceof Error || outcome.status !== 200) {
      const what = outcome instanceof Error ? outcome.message : `${outcome.status} ${outcome.body.toString()}`;
      this.#faults.push(`request ${i}: ${what}`);
      return;
    }
    this.latency.record(latencyMs);
    const leaf = this.#sent.get(i);
    if (leaf !== undefined) this.#samples.push({ leaf, body: Buffer.from(outcome.body) });
  }

  /** Looks up at most 200 of the sampled answers, evenly over the run. */
  async check(system: System): Promise<{ checked: number; faults: string[] }> {
    const step = Math.max(1, Math.ceil(this.#samples.length / MOST_CHECKED));
    const chosen = this.#samples.filter((_, i) => i % step === 0);
    for (const sample of chosen) {
      try {
        await this.#checkOne(system, sample);
      } catch (error) {
        this.#faults.push(error instanceof Error ? error.message : String(error));
      }
    }
    return { checked: chosen.length, faults: this.#faults };
  }

  async #checkOne(system: System, { leaf, body }: Sample): Promise<void> {
    const [number = '', , ...note] = body.toString('utf8').split('\n');
    if (!/^\d{1,12}$/.test(number)) throw new Error(`an answer without an index: ${number.slice(0, 80)}`);
    const index = Number(number);
    if (system.verifier !== undefined) {
      const signed = parseSignedCheckpoint(note.join('\n'));
      verifyNote(signed.note, [system.verifier]);
      if (signed.checkpoint.size <= index) throw new Error(`a checkpoint of ${signed.checkpoint.size} for ${index}`);
    }
    if (!(await system.leaf(index)).equals(this.#options.leaves.leaf(leaf))) {
      throw new Error(`${system.name} holds another leaf at ${index}`);
    }
  }
}
