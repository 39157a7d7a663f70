import type { Clock } from '@sigstead/platform';
import { LogError, StoreError } from '../core/errors.ts';

/** Intervals without a new checkpoint after which that is trouble. SPEC: the acceptance of Rekor v2 logs, readiness */
const INTERVALS = 3;

/**
 * Whether entries are handed in and none gets into the tree. A log without a timer signs when there is something to sign, so
 * its interval is the longest that a batch may keep anybody waiting, and nobody handing anything in is no trouble: what
 * failed is forgotten after as many intervals without a failure, so that a process that was taken out of service for it
 * comes back and is tried again.
 */
export class Progress {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #failingSinceMs: number | undefined;
  #failedLastMs = 0;
  #late = false;

  /** `intervalMs`: see above. */
  constructor({ clock, intervalMs }: { clock: Clock; intervalMs: number }) {
    this.#clock = clock;
    this.#limitMs = INTERVALS * intervalMs;
  }

  /** A batch is in the tree. */
  succeeded(): void {
    this.#failingSinceMs = undefined;
  }

  /** A batch was given up. What its own entries, or the operator, brought about does not count. */
  failed(error: unknown): void {
    if (error instanceof StoreError && error.dataFault) return;
    if (error instanceof LogError && (error.code === 'read_only' || error.code === 'closing')) return;
    this.#note();
  }

  /** What is under way takes longer than anybody is kept waiting, or does no more. */
  late(isLate: boolean): void {
    this.#late = isLate;
    if (isLate) this.#note();
  }

  /** For readiness: since when nothing gets in, if that is too long. */
  trouble(): string | undefined {
    if (this.#failingSinceMs === undefined) return undefined;
    const nowMs = this.#clock.nowMs();
    const failingMs = nowMs - this.#failingSinceMs;
    if (failingMs < this.#limitMs || (!this.#late && nowMs - this.#failedLastMs >= this.#limitMs)) return undefined;
    return `no new checkpoint for ${Math.round(failingMs / 1000)} s: entries are kept waiting and refused`;
  }

  #note(): void {
    this.#failedLastMs = this.#clock.nowMs();
    this.#failingSinceMs ??= this.#failedLastMs;
  }
}
