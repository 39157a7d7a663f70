import { type Clock, type Logger, type Metrics, openPool, type Pool } from '@sigstead/platform';
import type { FsckOptions, FsckReport } from './core/fsck.ts';
import { halted } from './core/state.ts';
import type { LogStore } from './core/ports.ts';
import type { OpenLog } from './open-log.ts';
import { closeLog } from './scrub/close-log.ts';
import { scrubMetrics } from './scrub/metrics.ts';
import { Scrub, type ScrubLimits, type ScrubTarget } from './scrub/scrub.ts';
import { PostgresLease } from './store/lease.ts';
import { waitFor } from './wait.ts';

/** A log that is open here, and its check through any pool. */
export interface ScrubbedLog {
  log: OpenLog;
  /** A store of its own for the log's rows, through which nobody else sequences. Closed by who asked for it. */
  openStore: () => LogStore;
  fsck: (options: CheckOptions) => Promise<FsckReport>;
}

interface CheckOptions extends Required<Pick<FsckOptions, 'known' | 'pace'>> {
  pool: Pool;
  onProgress: (progress: { entries: number }) => void;
}

/** Builds the scrub of logs of one database, with a connection of its own; nothing is read before it is started. */
export function openScrub(options: {
  logs: readonly ScrubbedLog[];
  connectionString: string;
  limits: ScrubLimits;
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
}): { start(): void; close(): Promise<void> } {
  const { logs, connectionString, limits, logger, metrics, clock } = options;
  const pool = openPool({
    connectionString,
    logger,
    max: 1,
    applicationName: 'sigstead-log-scrub',
    // Counting the rows of a large log takes its time.
    statementTimeoutMs: 600_000,
  });
  const scrub = new Scrub({
    targets: logs.map((each) => targetOf(each, { pool, clock, logger })),
    lease: new PostgresLease(connectionString),
    limits,
    logger,
    metrics: scrubMetrics(metrics),
    clock,
    wait: waitFor,
  });
  return {
    start: () => scrub.start(),
    async close() {
      await scrub.close();
      await pool.end();
    },
  };
}

function targetOf(
  { log, fsck, openStore }: ScrubbedLog,
  own: { pool: Pool; clock: Clock; logger: Logger },
): ScrubTarget {
  const { pool, clock, logger } = own;
  const { tree, name } = log;
  return {
    name,
    halted: () => tree.haltedBy !== undefined,
    check({ pace, onProgress }) {
      // What this process has shown: the stored log must lead to it, or go on from it.
      const { size, root } = tree.published.head;
      return fsck({ pool, pace, onProgress, known: [{ name: 'the head in memory', size, root }] });
    },
    async stop(detail) {
      tree.halt(halted(detail));
      const store = openStore();
      try {
        await closeLog(store, clock.nowMs());
      } catch (error) {
        logger.error({ log: name, error }, 'the log could not be made read-only for other processes: do it by hand');
      } finally {
        await store.close();
      }
    },
  };
}
