import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { openPool, type Pool, silentLogger, sqlState } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { request } from '../src/http-client.ts';
import { signOnce } from '../src/self-test/index.ts';
import { command, makeSite, serve, type Site } from './serve-support.ts';

const INSUFFICIENT_PRIVILEGE = '42501';

suite('a serving role beside the owner of the tables', { timeout: 60_000 }, () => {
  const role = `serving "${randomBytes(4).toString('hex')}"`;
  const quoted = `"${role.replaceAll('"', '""')}"`;
  let database: TestDatabase;
  let owner: Pool;
  let serving: Pool;
  let site: Site;
  before(async () => {
    database = await testDatabase();
    owner = database.pool();
    await owner.query(`create role ${quoted} login`);
    const url = new URL(database.connectionString);
    url.username = encodeURIComponent(role);
    url.password = '';
    serving = openPool({ connectionString: url.href, logger: silentLogger, max: 1, allowExitOnIdle: true });
    site = await makeSite(url.href);
    await site.rewrite('  migrate: never', `  migrationUrl: ${database.connectionString}`);
    // What a witnessed log shows is stored by who serves it.
    await writeFile(join(site.folder, 'witnesses.policy'), 'quorum none\n');
    await site.rewrite('{name: rekor, ', '{name: rekor, witness: {policyFile: witnesses.policy}, ');
  });
  after(async () => {
    await serving.end();
    await site.close();
    await owner.query(`drop owned by ${quoted}`);
    await owner.query(`drop role ${quoted}`);
    await database.drop();
  });

  async function tables(): Promise<string[]> {
    const { rows } = await owner.query<{ name: string }>(
      "select schemaname || '.' || tablename as name from pg_tables where schemaname in ('log', 'ca', 'tuf') order by 1",
    );
    return rows.map(({ name }) => name);
  }

  async function plainColumn(table: string): Promise<string> {
    const { rows } = await owner.query<{ name: string }>(
      `select attname as name from pg_attribute
        where attrelid = $1::regclass and attnum > 0 and attidentity = '' and attgenerated = '' order by attnum limit 1`,
      [table],
    );
    return rows[0]?.name ?? '';
  }

  async function assertForbidden(statement: string): Promise<void> {
    await assert.rejects(serving.query(statement), (error) => {
      assert.equal(sqlState(error), INSUFFICIENT_PRIVILEGE, `${statement}: ${String(error)}`);
      return true;
    });
  }

  test('can serve everything', async () => {
    const migrated = await command('migrate', '--config', site.configFile);
    assert.equal(migrated.code, 0, migrated.output);
    for (const name of ['rekor', 'ct']) {
      const { code, output } = await command('log', 'create', '--config', site.configFile, '--name', name);
      assert.equal(code, 0, output);
    }
    const spawned = await serve(site, '--workers', '1');
    try {
      await signOnce({
        publicUrl: site.url,
        localUrl: site.url,
        initialRoot: (await request(`${site.url}/tuf/1.root.json`)).bytes,
        token: (email) => site.oidc.token({ issuer: 'email', email, lifetimeSeconds: 60 }),
      });
    } finally {
      spawned.child.kill('SIGTERM');
    }
    assert.equal((await spawned.ended).code, 0);
    const { rows } = await serving.query<{ size: string }>('select max(size) as size from log.publications');
    assert.ok(Number(rows[0]?.size) >= 1);
  });

  test('can change, delete or empty no table, but for rows that are only locked', async () => {
    const all = await tables();
    assert.ok(all.includes('log.heads') && all.includes('ca.issuance') && all.includes('tuf.metadata'), String(all));
    for (const table of all) {
      const column = await plainColumn(table);
      if (table !== 'log.locks' && table !== 'tuf.gate') {
        await assertForbidden(`update ${table} set ${column} = ${column}`);
      }
      await assertForbidden(`delete from ${table}`);
      await assertForbidden(`truncate ${table}`);
    }
  });

  test('can neither make or freeze a log, nor pretend a migration, nor touch the tables themselves', async () => {
    await assertForbidden(
      "insert into log.logs (name, origin, kind, key_spki, created_ms) values ('x', 'x', 'ct', '', 0)",
    );
    await assertForbidden(
      "insert into log.states (log_id, ordinal, state, size, created_ms) values (1, 0, 'frozen', 0, 0)",
    );
    await assertForbidden("insert into log.schema_migrations values (99, 'x', '', now())");
    await assertForbidden('create table log.mine (x int)');
    for (const statement of [
      'alter table log.heads disable trigger all',
      'drop table log.heads',
      'drop schema log cascade',
      'drop function log.refuse_change cascade',
      "set session_replication_role = 'replica'",
    ]) {
      await assertForbidden(statement);
    }
  });

  test('can close a log that takes entries, for all processes, and not open it again', async () => {
    const close = async (logId: number): Promise<unknown> =>
      (await serving.query('select log.make_read_only($1, $2) as closed', [logId, Date.now()])).rows[0];
    const { rows } = await owner.query<{ log_id: number }>("select log_id from log.logs where name = 'ct'");
    const logId = rows[0]?.log_id ?? assert.fail('no such log');
    assert.deepEqual(await close(logId), { closed: true });
    assert.deepEqual(await close(logId), { closed: false });
    const { output } = await command('log', 'list', '--config', site.configFile);
    assert.match(output, /ct .*read-only/);
    await assertForbidden(
      `insert into log.states (log_id, ordinal, state, size, created_ms) values (${logId}, 1, 'active', 0, 0)`,
    );
  });

  test('can store again what entries are found by, once the owner of the tables has emptied them', async () => {
    for (const table of ['search_keys', 'search_batches', 'search_rebuilt']) await owner.query(`truncate log.${table}`);
    const { code, output } = await command('search', 'rebuild', '--config', site.configFile, '--log', 'rekor');
    assert.equal(code, 0, output);
    assert.match(output, /what 2 entries are found by is stored/);
  });

  test('rights are given anew by a migration, and what was too much is taken away', async () => {
    await owner.query(`grant delete, update on log.batches to ${quoted}`);
    assert.equal((await command('migrate', '--config', site.configFile)).code, 0);
    await assertForbidden('delete from log.batches');
  });
});
