import { Kysely, PostgresDialect } from 'kysely';
import type { Pool } from 'pg';

/** A query builder over a pool that someone else owns: do not call its destroy(), end the pool. */
export function openKysely<Tables>(pool: Pool, schema?: string): Kysely<Tables> {
  const builder = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return schema === undefined ? builder : builder.withSchema(schema);
}
