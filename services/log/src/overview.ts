import { hash } from 'node:crypto';
import { equalHashes } from '@sigstead/merkle';
import { type Clock, type Logger, openPool, type Pool } from '@sigstead/platform';
import { LogError } from './core/errors.ts';
import type { Mark } from './core/ports.ts';
import { nameHead } from './core/state.ts';
import { openMark } from './open-mark.ts';
import type { LogSpec } from './options.ts';
import { type LogRow, readHeadRootOf, readLogRows } from './store/states.ts';

export interface OverviewOptions {
  connectionString: string;
  logger: Logger;
  clock: Clock;
  /** Where the marks of logs are, by name. Logs without one are shown too. */
  marks: ReadonlyMap<string, Pick<LogSpec, 'markFile' | 'markPlace'>>;
}

/** A log as the database has it, beside its mark; nothing is verified and nothing changed. */
export interface LogOverview extends LogRow {
  mark: Mark | undefined;
  /** Why the log will not be served on this database, or cannot be compared; undefined when mark and database agree. */
  contradiction: string | undefined;
}

/** Every log of the database, by name. Throws what the driver throws. */
export async function overviewOfLogs(options: OverviewOptions): Promise<LogOverview[]> {
  const { connectionString, logger } = options;
  const pool = openPool({ connectionString, logger, max: 1, applicationName: 'sigstead-overview' });
  try {
    const rows = await readLogRows(pool);
    return await Promise.all(rows.map((row) => overviewOf(pool, row, options)));
  } finally {
    await pool.end();
  }
}

async function overviewOf(pool: Pool, row: LogRow, { marks, clock }: OverviewOptions): Promise<LogOverview> {
  const key = hash('sha256', row.keySpki, 'hex');
  const opened = openMark({ name: row.name, ...marks.get(row.name) }, { key, clock });
  const { store } = opened;
  if (store === undefined) return { ...row, mark: undefined, contradiction: undefined };
  try {
    const mark = await store.read();
    return { ...row, mark, contradiction: await contradictionOf(pool, row, mark) };
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    return { ...row, mark: undefined, contradiction: error.detail ?? error.message };
  } finally {
    opened.close();
  }
}

async function contradictionOf(pool: Pool, row: LogRow, mark: Mark | undefined): Promise<string | undefined> {
  if (mark === undefined) return row.size === 0 ? undefined : 'there is no mark';
  if (mark.size > row.size) return `the database (${nameHead(row)}) is below the mark (${nameHead(mark)})`;
  const root = await readHeadRootOf(pool, row.logId, mark.size);
  // A mark is always that of a head.
  if (root !== undefined && equalHashes(root, mark.root)) return undefined;
  const there = root === undefined ? 'no head' : nameHead({ size: mark.size, root });
  return `the database has ${there} where the mark has ${nameHead(mark)}; its head is ${nameHead(row)}`;
}
