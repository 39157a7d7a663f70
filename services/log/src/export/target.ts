import { randomUUID } from 'node:crypto';
import type { Logger } from '@sigstead/platform';
import { identityOf, type Lease } from './lease.ts';
import type { ExportMetrics } from './metrics.ts';
import type { ObjectStore } from './object-store.ts';
import { type RoundOutcome, Rounds } from './round.ts';
import type { ExportSource } from './source.ts';
import { Superseded } from './superseded.ts';

/** Opened anew after so many failures: what the target stands on may have been replaced. */
const FAILURES_TO_REOPEN = 3;

export interface TargetOptions {
  source: ExportSource;
  /** Called until it succeeds; the exporter owns what it gives. Opening fails when the signal is aborted. */
  openTarget: (ended: AbortSignal) => Promise<ObjectStore>;
  /** Owned by the exporter. */
  lease: Lease;
  logger: Logger;
  metrics: ExportMetrics;
}

interface Opened {
  store: ObjectStore;
  identity: string;
  rounds: Rounds;
  superseded: Superseded;
}

/** The target of an exporter: opened when it is first needed, and who works on it. */
export class OpenTarget {
  readonly #options: TargetOptions;
  readonly #own: { ended: AbortSignal; isClosing: () => boolean; graceMs: number };
  #opened: Opened | undefined;
  #clearing: Promise<void> | undefined;
  #cannotClear = false;

  constructor(options: TargetOptions, own: { ended: AbortSignal; isClosing: () => boolean; graceMs: number }) {
    this.#options = options;
    this.#own = own;
  }

  /** Whether this process is the one that exports now. */
  async hold(): Promise<boolean> {
    this.#opened ??= await this.#open();
    return this.#options.lease.hold(this.#opened.identity);
  }

  /** Only after hold(). */
  async round(): Promise<RoundOutcome> {
    this.#opened ??= await this.#open();
    return this.#opened.rounds.round();
  }

  /** Removes what is superseded, beside the rounds and one at a time; what cannot be removed harms nobody. */
  clear(size: number, nowMs: number): void {
    const superseded = this.#opened?.superseded;
    if (superseded === undefined || this.#clearing !== undefined) return;
    this.#clearing = superseded
      .step(size, nowMs)
      .then(() => {
        this.#cannotClear = false;
      })
      .catch((error: unknown) => {
        if (!this.#cannotClear && !this.#own.isClosing()) {
          this.#options.logger.warn(
            { error },
            'superseded partial tiles could not be removed; that will be tried again',
          );
        }
        this.#cannotClear = true;
      })
      .finally(() => {
        this.#clearing = undefined;
      });
  }

  /** After a failure: another process may reach what this one cannot. */
  async giveWay(failures: number): Promise<void> {
    await this.#options.lease.release();
    if (failures % FAILURES_TO_REOPEN !== 0) return;
    const { store } = this.#opened ?? {};
    this.#opened = undefined;
    await this.#clearing;
    await store?.close();
  }

  async leave(): Promise<void> {
    await this.#options.lease.close();
  }

  async close(): Promise<void> {
    await this.#clearing;
    await this.#options.lease.close();
    await this.#opened?.store.close();
  }

  async #open(): Promise<Opened> {
    const { source, openTarget, metrics } = this.#options;
    const { ended, isClosing, graceMs } = this.#own;
    const store = await openTarget(ended);
    try {
      const identity = await identityOf(store, randomUUID());
      const rounds = new Rounds({ source, target: store, onObject: (result) => metrics.object(result), isClosing });
      const superseded = new Superseded({
        target: store,
        graceMs,
        isClosing,
        onRemoved: (objects) => metrics.removed(objects),
      });
      return { store, identity, rounds, superseded };
    } catch (error) {
      await store.close();
      throw error;
    }
  }
}
