import { setTimeout as delay } from 'node:timers/promises';
import { CA_MIGRATIONS, CA_SCHEMA } from '@sigstead/ca';
import { LOG_MIGRATIONS, LOG_SCHEMA } from '@sigstead/log';
import { type Logger, migrate, type Migration, openPool, type Pool } from '@sigstead/platform';
import { TUF_MIGRATIONS, TUF_SCHEMA } from '@sigstead/tuf-root';
import { Failure } from '../failure.ts';
import { type Environment, connectionsOf } from './config/connection.ts';
import type { ServeConfig } from './config/load.ts';
import type { ServeFile } from './config/sections.ts';
import { LOCK_MS, whenUnlocked } from './patience.ts';
import { grantServing } from './rights.ts';
import { startStep } from './services/start-failure.ts';

const SLOW_MS = 10_000;
/** An index over a large table takes its time. */
const STATEMENT_MS = 24 * 3_600_000;
const MIGRATION_SESSION = {
  applicationName: 'sigstead-migrate',
  statementTimeoutMs: STATEMENT_MS,
  settings: { lock_timeout: `${LOCK_MS}ms` },
};

interface Schema {
  readonly schema: string;
  readonly migrations: readonly Migration[];
}

/** Schemas of the services that are configured. */
function schemasOf({ logs, ca, tuf }: ServeFile): Schema[] {
  return [
    ...(logs.length === 0 ? [] : [{ schema: LOG_SCHEMA, migrations: LOG_MIGRATIONS }]),
    ...(ca === undefined ? [] : [{ schema: CA_SCHEMA, migrations: CA_MIGRATIONS }]),
    ...(tuf === undefined ? [] : [{ schema: TUF_SCHEMA, migrations: TUF_MIGRATIONS }]),
  ];
}

export interface DatabaseStep {
  readonly config: ServeConfig;
  readonly env: Environment;
  readonly logger: Logger;
}

/**
 * Brings every schema up to date, forward only, as the migrating role; resolves with the names that were applied. A serving
 * role of its own then gets the rights it needs, and no others. Several processes may do so at once; a crash leaves each
 * schema as it was or whole. Throws a Failure.
 */
export async function migrateAll({ config, env, logger }: DatabaseStep): Promise<string[]> {
  const { serving, migrating } = await connectionsOf(config, env);
  const at = { logger, path: config.path };
  const schemas = schemasOf(config.file);
  const servingRole = await withPool({ ...at, connectionString: serving }, currentRole);
  return withPool({ ...at, connectionString: migrating }, async (pool) => {
    const applied: string[] = [];
    for (const { schema, migrations } of schemas) {
      const names = await patiently(logger, schema, () => migrate({ pool, schema, migrations }));
      applied.push(...names.map((name) => `${schema}: ${name}`));
    }
    if ((await currentRole(pool)) !== servingRole) {
      const names = schemas.map(({ schema }) => schema);
      await patiently(logger, 'rights', () => grantServing(pool, servingRole, names));
    }
    return applied;
  });
}

/** Says every ten seconds that the work goes on, and waits for those who use the tables. */
async function patiently<T>(logger: Logger, what: string, run: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - startMs) / 1000);
  const slow = setInterval(() => logger.warn({ what, seconds: seconds() }, 'a migration is under way'), SLOW_MS);
  try {
    return await whenUnlocked(run, {
      nowMs: () => performance.now(),
      sleep: (ms) => delay(ms),
      onWait: () =>
        logger.warn({ what, seconds: seconds() }, 'a migration waits: the tables are in use, or another one runs'),
    });
  } finally {
    clearInterval(slow);
  }
}

async function currentRole(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ role: string }>('select current_user as role');
  return rows[0]?.role ?? '';
}

const NEWER = 'which this release does not know: run the release that applied it, or a newer one';

/** Refuses a database that lacks a migration of this release, or has one of a newer release. Changes nothing. Throws a Failure. */
export async function refusePending({ config, env, logger }: DatabaseStep): Promise<void> {
  const { serving } = await connectionsOf(config, env);
  await withPool({ connectionString: serving, logger, path: config.path }, async (pool) => {
    for (const { schema, migrations } of schemasOf(config.file)) {
      const applied = await appliedNames(pool, schema);
      const known = new Set(migrations.map(({ name }) => name));
      const newer = [...applied].find((name) => !known.has(name));
      if (newer !== undefined) throw new Failure(`database: its schema ${schema} holds ${newer}, ${NEWER}`);
      const pending = migrations.find(({ name }) => !applied.has(name));
      if (pending === undefined) continue;
      throw new Failure(
        `database: its schema ${schema} lacks ${pending.name}: run sigstead migrate --config ${config.path}, or set database.migrate to on-start`,
      );
    }
  });
}

async function appliedNames(pool: Pool, schema: string): Promise<Set<string>> {
  const table = `${schema}.schema_migrations`;
  const found = await pool.query<{ found: boolean }>('select to_regclass($1) is not null as found', [table]);
  if (found.rows[0]?.found !== true) return new Set();
  const { rows } = await pool.query<{ name: string }>(`select name from ${table}`);
  return new Set(rows.map(({ name }) => name));
}

interface At {
  readonly connectionString: string;
  readonly logger: Logger;
  readonly path: string;
}

async function withPool<T>({ connectionString, logger, path }: At, use: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = openPool({ connectionString, logger, max: 1, ...MIGRATION_SESSION });
  try {
    return await startStep('database', path, () => use(pool));
  } finally {
    await pool.end();
  }
}
