import { readFileSync, readlinkSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { openPool, silentLogger } from '@sigstead/platform';
import { processTree } from './cpu.ts';

/** What figures depend on; printed with them. */
export interface MachineFacts {
  readonly node: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  /** Of the minute before the run. */
  readonly load: number;
  readonly postgres: PostgresFacts | { unknown: string };
}

export interface PostgresFacts {
  readonly version: string;
  /** As the server says, not as anybody configured them. */
  readonly settings: Readonly<Record<string, string>>;
}

const SETTINGS = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_sync_method',
  'synchronous_standby_names',
  'shared_buffers',
  'max_wal_size',
];

/** Reads them now. The PostgreSQL is the one at `DATABASE_URL`, else the one that a process below `serverPids` runs. */
export async function machineFacts(
  serverPids: readonly number[],
  databaseUrl: string | undefined,
): Promise<MachineFacts> {
  return {
    node: process.version,
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? Number.NaN,
    postgres: await postgresFacts(serverPids, databaseUrl),
  };
}

async function postgresFacts(
  serverPids: readonly number[],
  databaseUrl: string | undefined,
): Promise<PostgresFacts | { unknown: string }> {
  const connectionString = databaseUrl ?? socketBelow(serverPids);
  if (connectionString === undefined) return { unknown: 'no PostgreSQL runs below the server; set DATABASE_URL' };
  const pool = openPool({ connectionString, logger: silentLogger, max: 1, connectTimeoutMs: 3000 });
  try {
    const { rows } = await pool.query<{ name: string; value: string }>(
      `SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY($1)`,
      [[...SETTINGS, 'server_version']],
    );
    const all = new Map(rows.map(({ name, value }) => [name, value]));
    const settings = Object.fromEntries(
      SETTINGS.flatMap((name) => (all.has(name) ? [[name, all.get(name) ?? '']] : [])),
    );
    return { version: all.get('server_version') ?? 'unknown', settings };
  } catch (error) {
    return { unknown: error instanceof Error ? error.message : String(error) };
  } finally {
    await pool.end();
  }
}

/**
 * The embedded server's address, from the file that its postmaster writes. SPEC: PostgreSQL, postmaster.pid: lines 4
 * and 5.
 */
function socketBelow(serverPids: readonly number[]): string | undefined {
  for (const { pid, name } of processTree(serverPids)) {
    if (name !== 'postgres') continue;
    try {
      const folder = readlinkSync(`/proc/${pid}/cwd`);
      const [, , , port = '', socket = ''] = readFileSync(`${folder}/postmaster.pid`, 'utf8').split('\n');
      if (socket === '') continue;
      return `postgresql://sigstead@localhost/postgres?host=${encodeURIComponent(socket)}&port=${port}`;
    } catch {
      // Not ours to look into, or gone.
    }
  }
  return undefined;
}

/** Lines for people. */
export function factLines(facts: MachineFacts): string[] {
  const { node, cores, processor, memoryGiB, load, postgres } = facts;
  const database =
    'unknown' in postgres
      ? `PostgreSQL: not known (${postgres.unknown})`
      : `PostgreSQL ${postgres.version}: ${Object.entries(postgres.settings)
          .map(([name, value]) => `${name}=${value === '' ? "''" : value}`)
          .join(' ')}`;
  return [
    `Node ${node}, ${cores} cores (${processor}), ${memoryGiB} GiB, load ${load.toFixed(2)} before the run`,
    database,
  ];
}
