import type { Clock, Logger } from '@sigstead/platform';
import type { Shown } from '../publication.ts';
import { ExportAlarm } from './alarm.ts';
import type { ExportMetrics } from './metrics.ts';
import { ObjectStoreError } from './object-store.ts';
import type { ExportSource } from './source.ts';
import { OpenTarget, type TargetOptions } from './target.ts';

/** When an exporter works and when it waits, in ms. */
export interface ExportPace {
  /** At least this long from the start of one export to the next: each writes the partial tiles anew. */
  intervalMs: number;
  /** Looks this often without being told, for what other processes published, and for whether it is its turn. */
  lookMs: number;
  /** Reads the target's checkpoint this often: it may have been lost or set back. */
  verifyMs: number;
  /** Pause after a failure; doubles up to `verifyMs`. */
  retryMs: number;
  /** How long partial tiles and bundles stay beside their full form. */
  graceMs: number;
  /** How long close() lets a write under way end by itself. */
  closeMs: number;
}

export const EXPORT_PACE: ExportPace = {
  intervalMs: 1_000,
  lookMs: 500,
  verifyMs: 5_000,
  retryMs: 500,
  graceMs: 600_000,
  closeMs: 2_000,
};

export interface ExporterOptions extends TargetOptions {
  source: ExportSource;
  /** Called at most once. The alarm says whether the log has to stop. */
  onAlarm: (alarm: ExportAlarm) => void;
  logger: Logger;
  metrics: ExportMetrics;
  clock: Clock;
  /** Resolves after that time, or at once when the signal is aborted. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
  pace?: ExportPace;
}

/**
 * - `exported`  the target was written to
 * - `idle`      it shows what is published already
 * - `standby`   another process exports
 * - `again`     something came between
 */
type Outcome = 'exported' | 'idle' | 'standby' | 'again' | 'failed' | 'stopped';

/**
 * Follows the published head of one log with one target, off the path of answers, and always exports the newest tree,
 * however many were published meanwhile. Any number of processes may do so at once; normally one does, and another goes on
 * within seconds when it is killed, paused or fails.
 */
export class Exporter {
  readonly #options: ExporterOptions;
  readonly #pace: ExportPace;
  readonly #closing = new AbortController();
  /** Follows #closing when what was under way has had its time. */
  readonly #ended = new AbortController();
  readonly #target: OpenTarget;
  #running: Promise<void> | undefined;
  /** Ends the wait for news. */
  #news = new AbortController();
  #failures = 0;
  #exportedSize = 0;
  /** What the target was last seen to show, or more; and when. */
  #settled: { head: Shown['head']; atMs: number } | undefined;
  /** When the target was last seen to be behind for the first time. */
  #behindSinceMs: number | undefined;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#pace = options.pace ?? EXPORT_PACE;
    this.#target = new OpenTarget(options, {
      ended: this.#ended.signal,
      isClosing: () => this.#closing.signal.aborted,
      graceMs: this.#pace.graceMs,
    });
  }

  /** Looks at once, then follows. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** There may be a new published head. Costs nothing and never throws: called between a commit and its answers. */
  tell(): void {
    this.#news.abort();
  }

  /** Ends what is under way soon; what is missing in the target then is exported at the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#news.abort();
    const running = this.#running?.finally(() => this.#ended.abort());
    await Promise.race([running, this.#options.wait(this.#pace.closeMs, this.#ended.signal)]);
    this.#ended.abort();
    await running;
    await this.#target.close();
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      this.#news = new AbortController();
      const outcome = await this.#attempt();
      if (outcome === 'stopped') break;
      await this.#rest(outcome);
    }
    // Another process may find that it can go on.
    await this.#target.leave();
  }

  async #rest(outcome: Exclude<Outcome, 'stopped'>): Promise<void> {
    const { wait } = this.#options;
    const { intervalMs, lookMs, retryMs, verifyMs } = this.#pace;
    const closing = this.#closing.signal;
    if (outcome === 'failed') return wait(Math.min(verifyMs, retryMs * 2 ** (this.#failures - 1)), closing);
    if (outcome === 'standby') return wait(lookMs, closing);
    if (outcome === 'idle') return wait(lookMs, this.#news.signal);
    await wait(intervalMs, closing);
  }

  async #attempt(): Promise<Outcome> {
    const { source, logger, metrics, onAlarm } = this.#options;
    if (source.halted()) return 'stopped';
    try {
      const outcome = await this.#turn();
      if (this.#failures > 0) logger.info({ failures: this.#failures }, 'the export works again');
      this.#failures = 0;
      return outcome;
    } catch (error) {
      if (this.#closing.signal.aborted) return 'stopped';
      const alarm = asAlarm(error);
      if (alarm === undefined) {
        await this.#failed(error);
        return 'failed';
      }
      metrics.alarm(alarm.code);
      logger.error({ code: alarm.code, detail: alarm.message }, 'the export has stopped: somebody has to look');
      onAlarm(alarm);
      return 'stopped';
    }
  }

  async #failed(error: unknown): Promise<void> {
    const { logger, metrics } = this.#options;
    this.#failures += 1;
    metrics.failed();
    logger.warn({ error, failures: this.#failures }, 'an export failed and will be tried again');
    this.#showLag();
    this.#settled = undefined;
    await this.#target.giveWay(this.#failures);
  }

  async #turn(): Promise<Outcome> {
    const { source, metrics, clock } = this.#options;
    const isOurs = await this.#target.hold();
    metrics.active(isOurs);
    if (!isOurs) {
      this.#settled = undefined;
      this.#behindSinceMs = undefined;
      metrics.lag({ entries: 0, seconds: 0 });
      return 'standby';
    }
    await source.catchUpIfBehind();
    const state = source.published();
    if (state === undefined) return 'idle';
    const ageMs = clock.nowMs() - (this.#settled?.atMs ?? 0);
    if (this.#settled?.head === state.head && ageMs >= 0 && ageMs < this.#pace.verifyMs) return 'idle';
    this.#showLag();
    const outcome = await this.#target.round();
    if (outcome === 'overtaken' || outcome === 'closing') return 'again';
    // At least this much is there; more when others exported.
    this.#settled = { head: state.head, atMs: clock.nowMs() };
    this.#exportedSize = state.head.size;
    metrics.exported(state.head.size);
    this.#showLag();
    this.#target.clear(state.head.size, clock.nowMs());
    return outcome === 'exported' ? 'exported' : 'idle';
  }

  #showLag(): void {
    const { source, clock, metrics } = this.#options;
    const entries = Math.max(0, (source.published()?.head.size ?? 0) - this.#exportedSize);
    if (entries === 0) this.#behindSinceMs = undefined;
    else this.#behindSinceMs ??= clock.nowMs();
    const seconds = this.#behindSinceMs === undefined ? 0 : (clock.nowMs() - this.#behindSinceMs) / 1000;
    metrics.lag({ entries, seconds: Math.max(0, seconds) });
  }
}

function asAlarm(error: unknown): ExportAlarm | undefined {
  if (error instanceof ExportAlarm) return error;
  if (!(error instanceof ObjectStoreError) || error.code !== 'unsafe') return undefined;
  return new ExportAlarm('unsafe_target', error.message, { cause: error });
}
