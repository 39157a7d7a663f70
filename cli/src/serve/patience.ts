import { sqlState } from '@sigstead/platform';

/** How long a migration waits for a lock before it lets those pass who queue behind it. Milliseconds. */
export const LOCK_MS = 3_000;
/** Between two attempts. */
const PAUSE_MS = 1_000;
/** After that long somebody else has to act. */
const GIVE_UP_MS = 600_000;

export interface Patience {
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Told after each attempt that met a lock. */
  readonly onWait: (forMs: number) => void;
}

/**
 * Runs one transaction again as long as it meets a lock that others hold: a backup, or the same work in another process. A wait
 * without end would itself be waited for: whoever needs the table after us stands behind us. Throws what is no such error, and the
 * last one when the time is over.
 */
export async function whenUnlocked<T>(run: () => Promise<T>, { nowMs, sleep, onWait }: Patience): Promise<T> {
  const startMs = nowMs();
  for (;;) {
    try {
      return await run();
    } catch (error) {
      const waitedMs = nowMs() - startMs;
      if (!isLocked(error) || waitedMs > GIVE_UP_MS) throw error;
      onWait(waitedMs);
      await sleep(PAUSE_MS);
    }
  }
}

/** SPEC: PostgreSQL error codes, 55P03 lock_not_available */
function isLocked(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return sqlState(error) === '55P03' || sqlState(cause) === '55P03';
}
