import type { Logger } from '@sigstead/platform';
import { LogError } from '../core/errors.ts';
import type { Tree } from '../engine/tree.ts';

/** Well below the 5 s within which a database that was set back must be found out, also by a log that nobody writes to. */
export const WATCH_MS = 1000;

/**
 * Looks every second whether mark and database still agree with what this process has shown: a log without writers would
 * else notice nothing. What keeps it from looking is told to readiness and passes by itself; a contradiction does not.
 */
export class Watch {
  readonly #tree: Tree;
  readonly #logger: Logger;
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;
  #trouble: string | undefined;

  constructor(options: { tree: Tree; logger: Logger; everyMs: number }) {
    this.#tree = options.tree;
    this.#logger = options.logger;
    this.#everyMs = options.everyMs;
  }

  /** Why the last look failed; undefined when it went well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  start(): void {
    this.#rest();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #rest(): void {
    if (this.#closed || this.#tree.haltedBy !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.#rest());
    }, this.#everyMs);
    // A log that nobody closes must not keep its process alive for this.
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    try {
      await this.#tree.watch();
      if (this.#trouble !== undefined) this.#logger.info({}, 'the log can be watched again');
      this.#trouble = undefined;
    } catch (error) {
      // The tree has told it.
      if (error instanceof LogError && error.code === 'halted') return;
      const trouble = `mark and database cannot be compared: ${reasonOf(error)}`;
      if (this.#trouble === undefined) this.#logger.warn({ error }, trouble);
      this.#trouble = trouble;
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
