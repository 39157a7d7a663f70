import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { DatabaseError } from './errors.ts';
import { transaction } from './transaction.ts';

export interface Migration {
  /** Unique and never changed, such as `0001-entries`. */
  name: string;
  /** Any number of statements, run inside a transaction with the schema first on the search path. */
  sql: string;
}

export interface MigrateOptions {
  pool: Pool;
  /** The service's own schema: lower-case letters, digits, underscores. Made when missing. */
  schema: string;
  /** All there ever were, oldest first: forward only. */
  migrations: readonly Migration[];
}

/**
 * Brings the schema up to date and resolves with the names it applied. One transaction under a lock: several processes
 * may start at once, and a crash leaves either all of a run or nothing.
 * @throws {DatabaseError} `schema_newer`, `schema_changed`, `migration_failed`
 */
export async function migrate({ pool, schema, migrations }: MigrateOptions): Promise<string[]> {
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(schema)) throw new TypeError(`bad schema name: ${schema}`);
  return transaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`sigstead migrations of ${schema}`]);
    const applied = await readApplied(client, schema);
    const pending = pendingMigrations(schema, applied, migrations);
    for (const [position, migration] of pending) await apply(client, schema, position, migration);
    return pending.map(([, migration]) => migration.name);
  });
}

interface Applied {
  name: string;
  sha256: Buffer;
}

async function readApplied(client: PoolClient, schema: string): Promise<Applied[]> {
  const known = await client.query(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = $1 AND table_name = 'schema_migrations'",
    [schema],
  );
  if (known.rowCount === 0) await createTable(client, schema);
  const { rows } = await client.query<Applied>(
    `SELECT name, sha256 FROM ${schema}.schema_migrations ORDER BY position`,
  );
  return rows;
}

async function createTable(client: PoolClient, schema: string): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  await client.query(`
    CREATE TABLE ${schema}.schema_migrations (
      position   integer     PRIMARY KEY CHECK (position >= 1),
      name       text        NOT NULL UNIQUE,
      sha256     bytea       NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
}

/** What is left to do, each with its position from 1. What was applied must be exactly the beginning of what is known. */
function pendingMigrations(
  schema: string,
  applied: readonly Applied[],
  migrations: readonly Migration[],
): [number, Migration][] {
  const names = new Set(migrations.map((migration) => migration.name));
  const foreign = applied.find((row) => !names.has(row.name));
  if (foreign !== undefined) {
    const text = `the database's schema ${schema} holds "${foreign.name}", which this release does not know`;
    throw new DatabaseError('schema_newer', text);
  }
  for (const [i, row] of applied.entries()) {
    const migration = migrations[i];
    if (migration?.name !== row.name || !digest(migration).equals(row.sha256)) {
      throw new DatabaseError('schema_changed', `migration "${row.name}" of ${schema} is not the one that was applied`);
    }
  }
  return migrations.slice(applied.length).map((migration, i) => [applied.length + i + 1, migration]);
}

async function apply(client: PoolClient, schema: string, position: number, migration: Migration): Promise<void> {
  try {
    await client.query(`SET LOCAL search_path TO ${schema}, pg_catalog`);
    await client.query(migration.sql);
  } catch (error) {
    throw new DatabaseError('migration_failed', `migration "${migration.name}" of ${schema} failed`, error);
  }
  await client.query(`INSERT INTO ${schema}.schema_migrations (position, name, sha256) VALUES ($1, $2, $3)`, [
    position,
    migration.name,
    digest(migration),
  ]);
}

function digest(migration: Migration): Buffer {
  return createHash('sha256').update(migration.sql).digest();
}
