import { type Pool, transaction } from '@sigstead/platform';

/** Tables that the serving role may not fill: what logs there are, in what state, and what was migrated, is decided by others. */
const READ_ONLY: ReadonlySet<string> = new Set(['logs', 'locks', 'states', 'gate', 'schema_migrations']);
/** Rows that carry no truth and are only locked; PostgreSQL wants the right to UPDATE for that. */
const LOCKED: ReadonlySet<string> = new Set(['locks', 'gate']);
/** Functions that do, with their owner's rights, the one thing that serving needs of a table it may not fill. */
const CALLED = ['make_read_only'];

/**
 * Gives a role what serving needs of these schemas, and takes everything else from it: it may read and add; it may change
 * or delete nothing but rows that are there to be locked. All or nothing; may be repeated.
 */
export async function grantServing(pool: Pool, role: string, schemas: readonly string[]): Promise<void> {
  const to = identifier(role);
  await transaction(pool, async (client) => {
    // Two that change the rights of one table at once fail with "tuple concurrently updated".
    await client.query("select pg_advisory_xact_lock(hashtextextended('sigstead rights', 0))");
    for (const schema of schemas) {
      const at = identifier(schema);
      const { rows } = await client.query<{ name: string }>(
        'select tablename as name from pg_catalog.pg_tables where schemaname = $1 order by tablename',
        [schema],
      );
      await client.query(`revoke all on schema ${at} from ${to}`);
      await client.query(`revoke all on all tables in schema ${at} from ${to}`);
      await client.query(`grant usage on schema ${at} to ${to}`);
      for (const { name } of rows) {
        const rights = ['select'];
        if (!READ_ONLY.has(name)) rights.push('insert');
        if (LOCKED.has(name)) rights.push('update');
        await client.query(`grant ${rights.join(', ')} on ${at}.${identifier(name)} to ${to}`);
      }
      const functions = await client.query<{ signature: string }>(
        'select oid::regprocedure::text as signature from pg_catalog.pg_proc where pronamespace = $1::regnamespace and proname = any($2)',
        [at, CALLED],
      );
      for (const { signature } of functions.rows) await client.query(`grant execute on function ${signature} to ${to}`);
    }
  });
}

/** SPEC: PostgreSQL, Identifiers and Key Words: quoted, a quote inside doubled. */
function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
