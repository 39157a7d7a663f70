import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  DatabaseError,
  isUniqueViolation,
  migrate,
  openPool,
  silentLogger,
  sqlState,
  transaction,
} from '@sigstead/platform';
import { testDatabase } from '@sigstead/test';

const database = await testDatabase();
const pool = database.pool();
after(() => database.drop());

const code = (wanted: string) => (error: unknown) => error instanceof DatabaseError && error.code === wanted;
const ONE = {
  name: '0001-one',
  sql: 'CREATE TABLE one (id bigint PRIMARY KEY); INSERT INTO one VALUES (9007199254740993)',
};
const TWO = { name: '0002-two', sql: 'CREATE TABLE two (id int PRIMARY KEY)' };

test('int8 is a bigint in our pools and what it was everywhere else', async () => {
  const { rows } = await pool.query(
    'SELECT 9007199254740993::int8 AS big, 7 AS small, now() AS at, $1::bytea AS bytes',
    [Buffer.from([1, 0, 255])],
  );
  assert.equal(rows[0].big, 9007199254740993n);
  assert.equal(rows[0].small, 7);
  assert.ok(rows[0].at instanceof Date);
  assert.deepEqual(rows[0].bytes, Buffer.from([1, 0, 255]));
});

test('settings reach every session, also with spaces and backslashes', async () => {
  const settings = { lock_timeout: '2s', application_name: 'a b\\c' };
  const own = openPool({ connectionString: database.connectionString, logger: silentLogger, settings });
  const { rows } = await own.query("SELECT current_setting('lock_timeout') AS timeout");
  assert.equal(rows[0].timeout, '2s');
  await own.end();
});

test('a connection killed while idle breaks nothing', async () => {
  const own = openPool({ connectionString: database.connectionString, logger: silentLogger, max: 1 });
  const { rows } = await own.query('SELECT pg_backend_pid() AS pid');
  const lost = new Promise((resolve) => own.once('error', resolve));
  await pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
  await lost;
  assert.equal((await own.query('SELECT 1 AS one')).rows[0].one, 1);
  await own.end();
});

test('migrations run once, in order, each schema by itself', async () => {
  assert.deepEqual(await migrate({ pool, schema: 'a', migrations: [ONE] }), ['0001-one']);
  assert.deepEqual(await migrate({ pool, schema: 'a', migrations: [ONE, TWO] }), ['0002-two']);
  assert.deepEqual(await migrate({ pool, schema: 'a', migrations: [ONE, TWO] }), []);
  assert.deepEqual(await migrate({ pool, schema: 'b', migrations: [ONE] }), ['0001-one']);
  assert.equal((await pool.query('SELECT id FROM a.one')).rows[0].id, 9007199254740993n);
});

test('many starters at once migrate exactly once', async () => {
  const all = await Promise.all(
    Array.from({ length: 8 }, () => migrate({ pool, schema: 'crowd', migrations: [ONE, TWO] })),
  );
  assert.deepEqual(all.flat().sort(), ['0001-one', '0002-two']);
});

test('a schema of a newer release, a changed and a reordered migration are refused', async () => {
  await migrate({ pool, schema: 'c', migrations: [ONE, TWO] });
  await assert.rejects(migrate({ pool, schema: 'c', migrations: [ONE] }), code('schema_newer'));
  const changed = { ...ONE, sql: `${ONE.sql} ` };
  await assert.rejects(migrate({ pool, schema: 'c', migrations: [changed, TWO] }), code('schema_changed'));
  await assert.rejects(migrate({ pool, schema: 'c', migrations: [TWO, ONE] }), code('schema_changed'));
  await assert.rejects(migrate({ pool, schema: 'x"; DROP', migrations: [] }), TypeError);
});

test('a migration that fails leaves nothing of its run', async () => {
  const bad = { name: '0002-bad', sql: 'CREATE TABLE half (id int); SELECT 1/0' };
  await assert.rejects(migrate({ pool, schema: 'd', migrations: [ONE, bad] }), code('migration_failed'));
  const { rows } = await pool.query("SELECT to_regclass('d.one') AS one, to_regclass('d.half') AS half");
  assert.deepEqual(rows[0], { one: null, half: null });
  assert.deepEqual(await migrate({ pool, schema: 'd', migrations: [ONE, TWO] }), ['0001-one', '0002-two']);
});

test('a transaction is kept when fn resolves and undone when it rejects', async () => {
  await pool.query('CREATE TABLE kept (id int PRIMARY KEY)');
  assert.equal(await transaction(pool, async (c) => (await c.query('INSERT INTO kept VALUES (1)')).rowCount), 1);
  const failing = transaction(pool, async (c) => {
    await c.query('INSERT INTO kept VALUES (2)');
    throw new Error('no');
  });
  await assert.rejects(failing, /^Error: no$/);
  const again = transaction(pool, (c) => c.query('INSERT INTO kept VALUES (1)'));
  await assert.rejects(again, (error) => isUniqueViolation(error, 'kept_pkey') && !isUniqueViolation(error, 'other'));
  assert.equal((await pool.query('SELECT count(*)::int AS n FROM kept')).rows[0].n, 1);
});

test('an error that fn swallowed does not pass as a commit', async () => {
  const swallowed = transaction(pool, async (c) => {
    await c.query('INSERT INTO kept VALUES (3)');
    await c.query('SELECT 1/0').catch(() => undefined);
  });
  await assert.rejects(swallowed, code('rolled_back'));
});

test('a deferred constraint at COMMIT is a definite no, a connection lost at COMMIT is unknown', async () => {
  await pool.query('CREATE TABLE late (id int, UNIQUE (id) DEFERRABLE INITIALLY DEFERRED)');
  const twice = transaction(pool, (c) => c.query('INSERT INTO late VALUES (1), (1)'));
  await assert.rejects(twice, (error) => sqlState(error) === '23505');
  const lost = transaction(pool, async (c) => {
    const pid = (await c.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
    const query = c.query.bind(c) as (text: string) => Promise<unknown>;
    c.query = (async (text: string) => {
      await pool.query('SELECT pg_terminate_backend($1)', [pid]);
      return query(text);
    }) as unknown as typeof c.query;
  });
  await assert.rejects(lost, code('commit_unknown'));
});
