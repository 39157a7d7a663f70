import { equalHashes, verifyInclusion } from '@sigstead/merkle';
import type { Receipt, Submission } from '@sigstead/log';
import { Histogram } from '../log/histogram.ts';
import { type CpuUse, cpuMeter } from './cpu.ts';
import type { Records } from './records.ts';
import { type BenchLog, hasher, personality } from './rig.ts';

/** What one run did. Rates a second, times in milliseconds. */
export interface Run {
  readonly name: string;
  readonly appends: number;
  readonly perSecond: number;
  /** Of the slowest whole window. */
  readonly slowestPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly perBatch: number;
  readonly cpu: CpuUse;
  /** Proofs and signatures verified after the run. */
  readonly verified: number;
  readonly faults: readonly string[];
}

export interface LoadOptions {
  log: BenchLog;
  records: Records;
  postmaster: number;
  name: string;
  inFlight: number;
  /** Ends after so many seconds or appends, whichever is given. */
  seconds?: number;
  appends?: number;
  windowSeconds?: number;
}

const SAMPLES = 256;

/** Keeps `inFlight` appends under way until the end, then verifies a sample of what was answered. */
export async function load(options: LoadOptions): Promise<Run> {
  const { log, inFlight } = options;
  const tally = new Tally(options);
  const batches = log.batches();
  const meter = cpuMeter(options.postmaster);
  await Promise.all(Array.from({ length: inFlight }, () => appendUntilDone(options, tally)));
  const cpu = meter();
  const appends = tally.latency.count;
  return {
    name: options.name,
    appends,
    perSecond: appends / cpu.seconds,
    slowestPerSecond: tally.slowest(),
    p50Ms: tally.latency.quantileMs(0.5),
    p99Ms: tally.latency.quantileMs(0.99),
    maxMs: tally.latency.maxMs,
    perBatch: appends / Math.max(1, log.batches() - batches),
    cpu,
    ...verifySamples(tally),
  };
}

async function appendUntilDone({ log, records }: LoadOptions, tally: Tally): Promise<void> {
  while (tally.wantsMore()) {
    const submission = records.next();
    const startMs = performance.now();
    const receipt = await log.sequencer.append(submission);
    tally.count(submission, receipt, startMs);
  }
}

/** Counts answers, and keeps every so many of them. */
class Tally {
  readonly latency = new Histogram();
  readonly samples: { submission: Submission; receipt: Receipt }[] = [];
  readonly #endMs: number;
  readonly #windowMs: number;
  readonly #startMs = performance.now();
  readonly #windows: number[] = [];
  #left: number;
  #every = 1;

  constructor({ seconds, appends, windowSeconds }: LoadOptions) {
    this.#endMs = seconds === undefined ? Number.POSITIVE_INFINITY : this.#startMs + seconds * 1000;
    this.#left = appends ?? Number.POSITIVE_INFINITY;
    this.#windowMs = (windowSeconds ?? seconds ?? 1) * 1000;
  }

  wantsMore(): boolean {
    return this.#left-- > 0 && performance.now() < this.#endMs;
  }

  count(submission: Submission, receipt: Receipt, startMs: number): void {
    const nowMs = performance.now();
    this.latency.record(nowMs - startMs);
    const window = Math.floor((nowMs - this.#startMs) / this.#windowMs);
    this.#windows[window] = (this.#windows[window] ?? 0) + 1;
    if (this.latency.count % this.#every !== 0) return;
    this.samples.push({ submission, receipt });
    if (this.samples.length < SAMPLES) return;
    // Every second one goes, and from here on half as many come: evenly over the run, however long it is.
    this.#every *= 2;
    for (let i = 0; i < SAMPLES / 2; i++) this.samples.splice(i, 1);
  }

  /** Answers a second in the slowest window that ended; NaN when none did. */
  slowest(): number {
    const whole = Math.floor((performance.now() - this.#startMs) / this.#windowMs);
    const counts = Array.from({ length: whole }, (_, i) => this.#windows[i] ?? 0);
    return counts.length === 0 ? Number.NaN : (Math.min(...counts) * 1000) / this.#windowMs;
  }
}

function verifySamples({ samples }: Tally): { verified: number; faults: string[] } {
  const faults: string[] = [];
  for (const sample of samples) {
    try {
      verify(sample);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { verified: samples.length - faults.length, faults: faults.slice(0, 5) };
}

/** The way a client does: the note's own signature, size and root, and the record that was sent. */
function verify({ submission, receipt }: { submission: Submission; receipt: Receipt }): void {
  if (receipt.kind !== 'added') throw new Error(`a new entry was called a duplicate of ${receipt.index}`);
  const { index, head, proof, record } = receipt;
  const { leaf } = submission.leaf({ index, timestampMs: head.timestampMs });
  if (!equalHashes(leaf, record.leaf)) throw new Error(`entry ${index} is not what was sent`);
  const { size, root } = personality.openHead(head.note);
  verifyInclusion({ hasher, index, size, leafHash: hasher.leaf(leaf), proof, root });
}
