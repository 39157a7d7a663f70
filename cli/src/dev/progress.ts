/** Tells a person what is being done and how long it took. */
export interface Progress {
  /** Runs a step; its line is written when it ends, a slow one is announced before. */
  step<T>(what: string, run: () => Promise<T>): Promise<T>;
  /** A line of its own. */
  note(text: string): void;
}

export interface ProgressOptions {
  readonly write: (text: string) => void;
  readonly nowMs: () => number;
}

/** A step that takes longer than this is announced while it runs. */
const SLOW_MS = 1_000;

/** Lines like `  making keys and certificates  0.4 s`. */
export function createProgress({ write, nowMs }: ProgressOptions): Progress {
  return {
    note: (text) => write(`  ${text}\n`),
    async step(what, run) {
      const startMs = nowMs();
      const timer = setTimeout(() => write(`  ${what} ...\n`), SLOW_MS);
      try {
        const result = await run();
        write(`  ${what.padEnd(44)} ${((nowMs() - startMs) / 1000).toFixed(1)} s\n`);
        return result;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
