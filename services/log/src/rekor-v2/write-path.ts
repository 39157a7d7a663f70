import type { Logger } from '@sigstead/platform';
import { LogError, PUSHBACK_TEXT } from '../core/errors.ts';
import { Admission } from './admission.ts';
import { type LoopSource, UnreadTime } from './unread.ts';

/** Between two lines of the log about refusals. */
const QUIET_MS = 10_000;

export interface WritePathOptions {
  loop: LoopSource;
  logger: Logger;
}

/** What lets entries in and counts those under way. Entries and bytes that wait are bounded by the queue besides. */
export class WritePath {
  readonly #loop: LoopSource;
  readonly #logger: Logger;
  readonly #admission: Admission;
  readonly #unread: UnreadTime;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor({ loop, logger }: WritePathOptions) {
    this.#loop = loop;
    this.#logger = logger;
    this.#admission = new Admission();
    this.#unread = new UnreadTime(loop);
  }

  /** Whether one more request may come in: cheap, asked before anything of it is read. */
  isOpen(): boolean {
    const nowMs = this.#loop.nowMs();
    const at = { nowMs, unreadMs: this.#unread.at(nowMs) };
    if (this.#admission.isOpen(at)) return true;
    this.#tell(nowMs);
    return false;
  }

  /** Throws `queue_full` where isOpen() says no. */
  checkRoom(): void {
    if (!this.isOpen()) throw new LogError('queue_full', PUSHBACK_TEXT);
  }

  /** Counts the work as one request under way, to its end. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#admission.enter();
    let how: 'served' | 'failed' = 'failed';
    try {
      const result = await work();
      how = 'served';
      return result;
    } finally {
      this.#admission.leave(this.#loop.nowMs(), how);
    }
  }

  #tell(nowMs: number): void {
    if (nowMs - this.#toldAtMs < QUIET_MS) return;
    this.#toldAtMs = nowMs;
    this.#logger.warn({ underWay: this.#admission.underWay }, 'more entries come than can be added: some are refused');
  }
}
