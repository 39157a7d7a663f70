import pg from 'pg';
import type { Logger } from '../logger.ts';

export type { Pool, PoolClient } from 'pg';

export interface PoolOptions {
  /** `postgresql://…`; a Unix socket as `?host=/folder`. */
  connectionString: string;
  logger: Logger;
  /** Most connections at once. Default 10. */
  max?: number;
  /** Shown to the operator in pg_stat_activity. */
  applicationName?: string;
  /** Idle connections do not keep the process alive: for tools and tests. Default false. */
  allowExitOnIdle?: boolean;
  /** Time to get a connection. Default 5 000. */
  connectTimeoutMs?: number;
  /** Server settings of every session of this pool, such as `lock_timeout: '2s'`. */
  settings?: Readonly<Record<string, string>>;
}

/** int8 as bigint for this pool only: the driver's global parser table is shared by everyone and stays untouched. */
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary'): (value: never) => unknown {
    if (oid === pg.types.builtins.INT8 && format !== 'binary') return (value: string) => BigInt(value);
    return pg.types.getTypeParser(oid, format) as (value: never) => unknown;
  },
};

/**
 * Opens no connection yet. A connection that breaks while idle is dropped and logged, never thrown. Close with
 * `pool.end()`.
 */
export function openPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.max ?? 10,
    application_name: options.applicationName ?? 'sigstead',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
    keepAlive: true,
    allowExitOnIdle: options.allowExitOnIdle ?? false,
    types,
    ...(options.settings === undefined ? {} : { options: sessionOptions(options.settings) }),
  });
  // While a connection is checked out the pool does not listen to it; without a listener its loss would end the process.
  pool.on('connect', (client) => client.on('error', (error) => options.logger.debug({ error }, 'a connection broke')));
  pool.on('error', (error) => options.logger.warn({ error }, 'an idle database connection broke'));
  return pool;
}

/** SPEC: PostgreSQL, libpq `options`: words split at spaces, backslash escapes. */
function sessionOptions(settings: Readonly<Record<string, string>>): string {
  const word = (text: string): string => text.replace(/[\\ ]/g, (char) => `\\${char}`);
  return Object.entries(settings)
    .map(([name, value]) => `-c ${word(name)}=${word(value)}`)
    .join(' ');
}
