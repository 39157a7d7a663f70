import { randomBytes } from 'node:crypto';
import { openPool, silentLogger, type Pool } from '@sigstead/platform';
import { SHARED_POSTGRES, startTestPostgres } from './postgres.ts';

export interface TestDatabase {
  /** To the fresh database, as its superuser. */
  readonly connectionString: string;
  /** A pool on it; ended by drop() at the latest. */
  pool(options?: { max?: number; settings?: Readonly<Record<string, string>> }): Pool;
  /** Ends the pools, cuts what is still connected and removes the database. May be called more than once. */
  drop(): Promise<void>;
}

/**
 * A fresh, empty database on a real PostgreSQL: on the shared one of the test runner, or, when a test file is run by
 * hand, on one of this process's own that ends with it.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = await serverAddress();
  const name = `t_${randomBytes(8).toString('hex')}`;
  await administer(server, `CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const connectionString = url.href;
  const pools: Pool[] = [];
  let dropped: Promise<void> | undefined;

  async function drop(): Promise<void> {
    await Promise.all(pools.filter((pool) => !pool.ended).map((pool) => pool.end()));
    await administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }

  return {
    connectionString,
    pool(options = {}) {
      const pool = openPool({ connectionString, logger: silentLogger, allowExitOnIdle: true, ...options });
      pools.push(pool);
      return pool;
    },
    drop() {
      dropped ??= drop();
      return dropped;
    },
  };
}

let own: Promise<string> | undefined;

function serverAddress(): Promise<string> {
  const shared = process.env[SHARED_POSTGRES];
  if (shared !== undefined && shared !== '') return Promise.resolve(shared);
  own ??= startOwn();
  return own;
}

async function startOwn(): Promise<string> {
  const server = await startTestPostgres();
  process.once('beforeExit', () => void server.stop());
  return server.connectionString;
}

/** One statement over a connection of its own. */
async function administer(server: string, statement: string): Promise<void> {
  const pool = openPool({ connectionString: server, logger: silentLogger, max: 1 });
  try {
    await pool.query(statement);
  } finally {
    await pool.end();
  }
}
