import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { descendants, residentMib } from '../e2e/support/processes.ts';
import { quantile } from './report.ts';
import type { Rig } from './rig.ts';

/** What one minute of a long run was like. */
export interface Minute {
  readonly commitsPerSecond: number;
  readonly entriesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Resident memory of each writer at its end, MiB. */
  readonly writersMib: readonly number[];
  /** All processes of PostgreSQL; what they share counts once. */
  readonly postgresMib: number;
  readonly deadRows: number;
  readonly bytesPerEntry: number;
}

interface Totals {
  readonly commits: number;
  readonly size: number;
  readonly deadRows: number;
  readonly bytes: number;
}

/** So many minutes of the load that runs. @param minuteMs shorter ones, where the test is */
export async function minutesOf(
  rig: Rig,
  client: pg.Client,
  { minutes, minuteMs }: { minutes: number; minuteMs: number },
): Promise<Minute[]> {
  const found: Minute[] = [];
  let before = await totals(client);
  for (let i = 0; i < minutes; i++) {
    const first = rig.load.appends.length;
    const startMs = performance.now();
    await delay(minuteMs);
    const after = await totals(client);
    const seconds = (performance.now() - startMs) / 1000;
    const times = rig.load.appends
      .slice(first)
      .flatMap(({ outcome, invokedMs, endedMs }) => (outcome.kind === 'ok' ? [endedMs - invokedMs] : []));
    found.push({
      commitsPerSecond: (after.commits - before.commits) / seconds,
      entriesPerSecond: (after.size - before.size) / seconds,
      p50Ms: quantile(times, 0.5),
      p99Ms: quantile(times, 0.99),
      writersMib: rig.fleet.slots.map((slot) => residentMib(rig.fleet.pid(slot)).now),
      postgresMib: postgresMib(rig.database.pid),
      deadRows: after.deadRows,
      bytesPerEntry: after.bytes / after.size,
    });
    before = after;
  }
  return found;
}

async function totals(client: pg.Client): Promise<Totals> {
  const { rows } = await client.query<Record<string, string>>(
    `select (select count(*) from log.heads) as commits,
            (select max(size) from log.heads) as size,
            (select sum(n_dead_tup) from pg_stat_user_tables where schemaname = 'log') as dead,
            (select sum(pg_total_relation_size(relid)) from pg_stat_user_tables where schemaname = 'log') as bytes`,
  );
  const { commits, size, dead, bytes } = rows[0] ?? {};
  return { commits: Number(commits), size: Number(size), deadRows: Number(dead), bytes: Number(bytes) };
}

/** Private memory of each, and the largest share of what they have together, MiB. */
function postgresMib(pid: number): number {
  const sums = [pid, ...descendants(pid).map((each) => each.pid)].map((each) => proportionalMib(each));
  return sums.reduce((sum, each) => sum + each, 0);
}

/** SPEC: proc_pid_smaps(5): Pss divides what is shared among those who share it. */
function proportionalMib(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
    return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024;
  } catch {
    // It ended between the listing and the read.
    return 0;
  }
}

export interface TableSize {
  readonly table: string;
  readonly rows: number;
  readonly deadRows: number;
  readonly tableBytesPerEntry: number;
  readonly indexBytesPerEntry: number;
}

/** What each table takes, with its TOAST, and its indexes. */
export async function tableSizes(client: pg.Client): Promise<TableSize[]> {
  const { rows } = await client.query<Record<string, string>>(
    `select relname as name, n_live_tup as live, n_dead_tup as dead,
            pg_table_size(relid) as bytes, pg_indexes_size(relid) as indexes,
            (select max(size) from log.heads) as size
       from pg_stat_user_tables where schemaname = 'log' and n_live_tup + n_dead_tup > 0 order by relname`,
  );
  return rows.map((row) => ({
    table: row['name'] ?? '',
    rows: Number(row['live']),
    deadRows: Number(row['dead']),
    tableBytesPerEntry: Number(row['bytes']) / Number(row['size']),
    indexBytesPerEntry: Number(row['indexes']) / Number(row['size']),
  }));
}
