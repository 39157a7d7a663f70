import type { Clock, Logger } from '@sigstead/platform';
import { ExportAlarm } from './alarm.ts';
import type { ExportMetrics } from './metrics.ts';
import { type ObjectStore, ObjectStoreError } from './object-store.ts';
import { Rounds } from './round.ts';
import type { ExportSource } from './source.ts';

/** When an exporter works and when it waits, in ms. */
export interface ExportPace {
  /** At least this long from the start of one export to the next: each writes the partial tiles anew. */
  intervalMs: number;
  /** Looks this often without being told, for what other processes appended and did not live to export. */
  lookMs: number;
  /** Pause after a failure; doubles up to `lookMs`. */
  retryMs: number;
  /** How long close() lets a write under way end by itself. */
  closeMs: number;
}

export const EXPORT_PACE: ExportPace = { intervalMs: 1_000, lookMs: 15_000, retryMs: 500, closeMs: 2_000 };

export interface ExporterOptions {
  source: ExportSource;
  /** Called until it succeeds once; the exporter owns what it gives. Opening fails when the signal is aborted. */
  openTarget: (ended: AbortSignal) => Promise<ObjectStore>;
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
 * Follows the published head of one log with one target, off the path of answers: it is told that there is news, and always
 * exports the newest tree, however many were published meanwhile. Any number of processes may export one log to one target.
 */
export class Exporter {
  readonly #options: ExporterOptions;
  readonly #pace: ExportPace;
  readonly #closing = new AbortController();
  /** Follows #closing when what was under way has had its time. */
  readonly #ended = new AbortController();
  #target: ObjectStore | undefined;
  #rounds: Rounds | undefined;
  #running: Promise<void> | undefined;
  /** Ends the wait for news. */
  #news = new AbortController();
  #failures = 0;
  #exportedSize = 0;
  /** When the target was last seen to be behind for the first time. */
  #behindSinceMs: number | undefined;

  constructor(options: ExporterOptions) {
    this.#options = options;
    this.#pace = options.pace ?? EXPORT_PACE;
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
    await this.#target?.close();
    await running;
    await this.#target?.close();
  }

  async #run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      this.#news = new AbortController();
      const outcome = await this.#attempt();
      if (outcome === 'stopped') return;
      await this.#rest(outcome);
    }
  }

  async #rest(outcome: 'done' | 'again' | 'failed'): Promise<void> {
    const { wait } = this.#options;
    const { intervalMs, lookMs, retryMs } = this.#pace;
    if (outcome === 'failed') return wait(Math.min(lookMs, retryMs * 2 ** (this.#failures - 1)), this.#closing.signal);
    await wait(intervalMs, this.#closing.signal);
    if (outcome === 'done') await wait(lookMs, this.#news.signal);
  }

  async #attempt(): Promise<'done' | 'again' | 'failed' | 'stopped'> {
    const { source, logger, metrics, onAlarm } = this.#options;
    if (source.halted()) return 'stopped';
    try {
      const outcome = await this.#round();
      if (this.#failures > 0) logger.info({ failures: this.#failures }, 'the export works again');
      this.#failures = 0;
      return outcome;
    } catch (error) {
      if (this.#closing.signal.aborted) return 'stopped';
      const alarm = asAlarm(error);
      if (alarm === undefined) {
        this.#failures += 1;
        metrics.failed();
        logger.warn({ error, failures: this.#failures }, 'an export failed and will be tried again');
        return 'failed';
      }
      metrics.alarm(alarm.code);
      logger.error({ code: alarm.code, detail: alarm.message }, 'the export has stopped: somebody has to look');
      onAlarm(alarm);
      return 'stopped';
    } finally {
      this.#showLag();
    }
  }

  async #round(): Promise<'done' | 'again'> {
    const { source, metrics } = this.#options;
    const rounds = (this.#rounds ??= await this.#open());
    await source.catchUpIfBehind();
    const { size } = source.published().head;
    this.#showLag();
    const outcome = await rounds.round();
    if (outcome === 'overtaken' || outcome === 'closing') return 'again';
    // At least this much is there; more when others exported.
    this.#exportedSize = Math.max(this.#exportedSize, size);
    metrics.exported(this.#exportedSize);
    return 'done';
  }

  async #open(): Promise<Rounds> {
    const { source, openTarget, metrics } = this.#options;
    const target = await openTarget(this.#ended.signal);
    this.#target = target;
    return new Rounds({
      source,
      target,
      onObject: (result) => metrics.object(result),
      isClosing: () => this.#closing.signal.aborted,
    });
  }

  #showLag(): void {
    const { source, clock, metrics } = this.#options;
    const entries = Math.max(0, source.published().head.size - this.#exportedSize);
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
