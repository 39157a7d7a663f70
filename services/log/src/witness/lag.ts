import type { Clock } from '@sigstead/platform';
import type { Tree } from '../engine/tree.ts';
import type { WitnessMetrics } from './metrics.ts';
import type { WitnessedPublication } from './witnessed-publication.ts';

/** Intervals without a new checkpoint after which that is trouble. SPEC: the acceptance of Rekor v2 logs, readiness */
const INTERVALS = 3;

/** How far what is shown is behind what is committed, as this process sees it. */
export class Lag {
  readonly #tree: Tree;
  readonly #publication: WitnessedPublication;
  readonly #clock: Clock;
  readonly #metrics: WitnessMetrics;
  readonly #limitMs: number;
  #sinceMs: number | undefined;

  constructor(options: {
    tree: Tree;
    publication: WitnessedPublication;
    clock: Clock;
    metrics: WitnessMetrics;
    pace: { intervalMs: number; timeoutMs: number };
  }) {
    this.#tree = options.tree;
    this.#publication = options.publication;
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#limitMs = INTERVALS * Math.max(options.pace.intervalMs, options.pace.timeoutMs);
  }

  show(): void {
    // A log that was halted from the start has nothing to show.
    if (this.#tree.haltedBy !== undefined) return;
    const { size } = this.#tree.published.head;
    const shown = this.#publication.shown?.head;
    const entries = shown === undefined ? size : Math.max(0, size - shown.size);
    const isBehind = shown === undefined || entries > 0;
    this.#sinceMs = isBehind ? (this.#sinceMs ?? this.#clock.nowMs()) : undefined;
    this.#metrics.lag({ entries, seconds: this.#behindMs() / 1000 });
    if (shown !== undefined) this.#metrics.shown(shown.size);
  }

  /** `reasons`: why each witness that is silent is so. */
  trouble(reasons: readonly string[]): string | undefined {
    const behindMs = this.#behindMs();
    if (behindMs < this.#limitMs) return undefined;
    const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
    return `no quorum of witnesses for ${Math.round(behindMs / 1000)} s: entries are stored and not answered${why}`;
  }

  #behindMs(): number {
    return this.#sinceMs === undefined ? 0 : Math.max(0, this.#clock.nowMs() - this.#sinceMs);
  }
}
