import { TrustError } from '@sigstead/formats';
import type { Clock, Logger } from '@sigstead/platform';
import { TufError } from '../core/errors.ts';
import type { RoleName } from '../core/metadata.ts';
import type { Periods } from '../core/periods.ts';
import { nextRenewalMs } from '../core/plan.ts';
import type { Scheduler, TufMetrics } from '../core/ports.ts';
import type { PublishedView } from '../core/published-view.ts';
import type { ModelSource, PublishResult } from './publisher.ts';

export interface RenewerPorts {
  clock: Clock;
  scheduler: Scheduler;
  logger: Logger;
  metrics: TufMetrics;
  periods: Periods;
  view: PublishedView;
  publish(source: ModelSource): Promise<PublishResult>;
  /** Difference between our clock and the store's, in milliseconds. */
  clockSkewMs(): Promise<number>;
  clockSkewLimitMs: number;
  /** Looked at this often even when nothing is due: windows end, other publishers publish. */
  lookEveryMs: number;
}

const FIRST_RETRY_MS = 30_000;
const MAX_RETRY_MS = 900_000;

/**
 * Keeps what is published from expiring, for as long as it runs. A failure is logged and counted, retried ever more slowly, and told by
 * `problem()`; what was published stays served. Owns its timer; `close` waits for a renewal under way.
 */
export class Renewer {
  readonly #ports: RenewerPorts;
  #timer: { cancel(): void } | undefined;
  #running: Promise<void> | undefined;
  #failures = 0;
  #problem: string | undefined;
  #overdue = '';
  #closed = false;

  constructor(ports: RenewerPorts) {
    this.#ports = ports;
  }

  /** What keeps renewal from working, for the operator; undefined when it works. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** One look, now: renews what is due, then waits for what is due next. Never rejects. */
  tick(): Promise<void> {
    this.#running ??= this.#look().finally(() => {
      this.#running = undefined;
      this.#schedule();
    });
    return this.#running;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Tells what a publication left undone for want of a signer. */
  reportOverdue(overdue: readonly RoleName[]): void {
    this.#ports.metrics.overdue(overdue);
    const text = overdue.join(', ');
    if (text !== '' && text !== this.#overdue) {
      this.#ports.logger.error(
        { roles: overdue },
        'metadata is due, and its signers are not here: sign it before it expires',
      );
    }
    this.#overdue = text;
  }

  #schedule(): void {
    this.#timer?.cancel();
    if (this.#closed) return;
    this.#timer = this.#ports.scheduler.after(this.#pauseMs(), () => void this.tick());
  }

  #pauseMs(): number {
    if (this.#failures > 0) return Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), MAX_RETRY_MS);
    const { view, periods, clock, lookEveryMs } = this.#ports;
    if (!view.metadata) return FIRST_RETRY_MS;
    // A role that is due but not ours to sign would be due at once, again and again.
    const pauseMs = nextRenewalMs(view.metadata, periods) - clock.nowMs();
    return pauseMs > 0 ? Math.min(pauseMs, lookEveryMs) : this.#overdue === '' ? FIRST_RETRY_MS : lookEveryMs;
  }

  async #look(): Promise<void> {
    const { logger, metrics } = this.#ports;
    try {
      const problem = await this.#renew();
      await this.#compareClocks();
      if (this.#failures > 0 && problem === undefined) logger.info({}, 'renewal of the trust root works again');
      this.#failures = problem === undefined ? 0 : this.#failures + 1;
      this.#problem = problem;
    } catch (error) {
      this.#failures += 1;
      this.#problem = `renewal fails: ${describe(error)}`;
      logger.error(
        { error, failures: this.#failures },
        'renewal of the trust root failed; the last good state stays served',
      );
    }
    metrics.failing(this.#problem !== undefined);
  }

  /**
   * A model that time has made impossible (its last signing service ended, the targets signer is away) must not let the timestamp
   * expire: then metadata alone is renewed, and the problem told.
   */
  async #renew(): Promise<string | undefined> {
    try {
      this.#report(await this.#ports.publish('published'));
      return undefined;
    } catch (error) {
      const ofTheModel =
        error instanceof TrustError || (error instanceof TufError && error.code === 'targets_signer_missing');
      if (!ofTheModel) throw error;
      this.#ports.logger.error(
        { error },
        'the published trust material needs attention; its metadata is renewed as it is',
      );
      this.#report(await this.#ports.publish('none'));
      return `the model of trust material: ${describe(error)}`;
    }
  }

  #report(result: PublishResult): void {
    this.reportOverdue(result.overdue);
    if (result.renewed.length > 0) this.#ports.logger.info({ roles: result.renewed }, 'trust root metadata renewed');
  }

  async #compareClocks(): Promise<void> {
    const { metrics, logger, clockSkewLimitMs } = this.#ports;
    const skewMs = await this.#ports.clockSkewMs();
    metrics.clockSkew(skewMs / 1000);
    if (Math.abs(skewMs) <= clockSkewLimitMs) return;
    logger.error(
      { skewMs, clockSkewLimitMs },
      "this machine's clock and the database's differ: expiry times may be wrong",
    );
  }
}

function describe(error: unknown): string {
  if (error instanceof TufError || error instanceof TrustError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.name : 'unknown error';
}
