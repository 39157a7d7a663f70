import type { Clock, Logger } from '@sigstead/platform';
import type { FsckReport } from '../core/fsck.ts';
import type { Lease } from '../export/lease.ts';
import type { ScrubMetrics } from './metrics.ts';
import { ScrubEnded, scrubPace } from './pace.ts';

/** How much a scrub may ask of the database, and how often. */
export interface ScrubLimits {
  /** Most bytes that are read in a second. */
  bytesPerSecond: number;
  /** From the end of a pass over everything to the begin of the next one. */
  pauseMs: number;
}

/** Slow enough to go unnoticed: a million entries of 3 KB in a quarter of an hour, then rest for one. */
export const SCRUB_LIMITS: ScrubLimits = { bytesPerSecond: 4 * 2 ** 20, pauseMs: 3_600_000 };

/** How often a process that does not scrub asks whether it should; and the pause after a failure. */
const ASK_MS = 60_000;

/** A log as its scrub sees it. */
export interface ScrubTarget {
  readonly name: string;
  /** Whether the log has stopped: there is nothing more that could be found. */
  halted(): boolean;
  /**
   * Derives the whole log again and compares it with what is stored and what this process knows. Calls `pace` with
   * the bytes it has read. Throws what reading threw.
   */
  check(options: {
    pace: (bytes: number) => Promise<void>;
    onProgress: (progress: { entries: number }) => void;
  }): Promise<FsckReport>;
  /** The store contradicts the signed tree: nothing more may be signed, by any process. Never throws. */
  stop(detail: string): Promise<void>;
}

export interface ScrubDependencies {
  /** In this order, one after the other. */
  targets: readonly ScrubTarget[];
  /** So that of several processes one scrubs. Owned: closed with the scrub. */
  lease: Lease;
  limits: ScrubLimits;
  logger: Logger;
  metrics: ScrubMetrics;
  clock: Clock;
  /** Resolves after that time, or at once when the signal is aborted. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Checks logs over and over, slowly, off every path of an answer. It only reads. What it finds is told at once and stops
 * the log; where it was when a process ends is forgotten, and the next pass begins at the first entry.
 */
export class Scrub {
  readonly #deps: ScrubDependencies;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  constructor(deps: ScrubDependencies) {
    this.#deps = deps;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await this.#deps.lease.release();
    await this.#deps.lease.close();
  }

  async #run(): Promise<void> {
    const { targets, wait, limits } = this.#deps;
    while (!this.#closing.signal.aborted) {
      if (targets.every((target) => target.halted())) return this.#deps.lease.release();
      const done = (await this.#holds()) && (await this.#round());
      // Other processes may serve a log that has stopped here only, so they get their turn.
      if (targets.some((target) => target.halted())) await this.#deps.lease.release();
      await wait(done ? limits.pauseMs : ASK_MS, this.#closing.signal);
    }
  }

  async #holds(): Promise<boolean> {
    const { lease, targets, logger } = this.#deps;
    try {
      return await lease.hold(`scrub ${targets.map(({ name }) => name).join(' ')}`);
    } catch (error) {
      logger.warn({ error }, 'the scrub cannot ask whether another process scrubs');
      return false;
    }
  }

  /** One pass over every log; whether all of them were read to the end. */
  async #round(): Promise<boolean> {
    let done = true;
    for (const target of this.#deps.targets) {
      if (this.#closing.signal.aborted) return false;
      if (!target.halted()) done = (await this.#pass(target)) && done;
    }
    return done;
  }

  async #pass(target: ScrubTarget): Promise<boolean> {
    const { limits, logger, metrics, clock, wait } = this.#deps;
    const { name } = target;
    const startedMs = clock.nowMs();
    const pace = scrubPace({ bytesPerSecond: limits.bytesPerSecond, wait, signal: this.#closing.signal });
    try {
      const report = await target.check({ pace, onProgress: ({ entries }) => metrics.at(name, entries) });
      const [first] = report.problems;
      if (first !== undefined || !report.complete) {
        await this.#contradiction(target, first ?? 'the check did not reach the end', report);
        return false;
      }
      const endedMs = clock.nowMs();
      metrics.passed(name, { endedMs, seconds: Math.max(0, endedMs - startedMs) / 1000 });
      logger.info({ log: name, entries: report.size, heads: report.heads }, 'the scrub found the whole log sound');
      return true;
    } catch (error) {
      if (error instanceof ScrubEnded) return false;
      metrics.failed(name, 'unavailable');
      logger.warn({ log: name, error }, 'the scrub cannot read the log and will begin again');
      return false;
    }
  }

  async #contradiction(target: ScrubTarget, first: string, report: FsckReport): Promise<void> {
    const { logger, metrics } = this.#deps;
    metrics.failed(target.name, 'contradiction');
    logger.error(
      { log: target.name, first, problems: report.problems.length, entries: report.size },
      'the scrub found that what is stored contradicts the signed tree: somebody has to look',
    );
    await target.stop(`scrub: ${first}`);
  }
}
