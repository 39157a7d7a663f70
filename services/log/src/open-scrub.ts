import { type Clock, type Logger, type Metrics, openPool, type Pool } from '@sigstead/platform';
import { StoreError } from './core/errors.ts';
import type { FsckOptions, FsckReport, RowCounts } from './core/fsck.ts';
import { halted } from './core/state.ts';
import type { LogStore } from './core/ports.ts';
import type { OpenLog } from './open-log.ts';
import { closeLog } from './scrub/close-log.ts';
import { scrubMetrics } from './scrub/metrics.ts';
import { Scrub, type ScrubLimits, type ScrubTarget } from './scrub/scrub.ts';
import { PostgresLease } from './store/lease.ts';
import { waitFor } from './wait.ts';

/** The log's lock may be held, or the database away for a moment. */
const CLOSING_TRIES = 5;
const CLOSING_PAUSE_MS = 200;

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
  onCounted?: (counts: RowCounts) => Promise<void>;
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
  /** Rows that no acknowledged COMMIT covers may be lost in a failover: what is gone then was never the log's. */
  const onCounted = async (counts: RowCounts): Promise<void> => {
    await tree.catchUp();
    if (counts.size <= tree.known.head.size) return;
    throw new StoreError('lost', `of ${counts.size} entries that were counted not all are there`);
  };
  return {
    name,
    halted: () => tree.haltedBy !== undefined,
    check({ pace, onProgress }) {
      // What this process has shown: the stored log must lead to it, or go on from it.
      const { size, root } = tree.published.head;
      return fsck({ pool, pace, onProgress, onCounted, known: [{ name: 'the head in memory', size, root }] });
    },
    async stop(detail) {
      tree.halt(halted(detail));
      const store = openStore();
      try {
        await closedAtLast(store, clock);
      } catch (error) {
        logger.error({ log: name, error }, 'the log could not be made read-only for other processes: do it by hand');
      } finally {
        await store.close();
      }
    },
  };
}

/** What a try of unknown outcome has done, the next one finds. Throws what the last one threw. */
async function closedAtLast(store: LogStore, clock: Clock): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await closeLog(store, clock.nowMs());
    } catch (error) {
      if (tries >= CLOSING_TRIES) throw error;
      await waitFor(CLOSING_PAUSE_MS, new AbortController().signal);
    }
  }
}
