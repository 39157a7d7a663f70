import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { silentLogger } from '@sigstead/platform';
import { EmbeddedPostgresError, startEmbeddedPostgres, type EmbeddedPostgres, type ProgressStep } from '../index.ts';
import { hold, query, tempFolder } from './support.ts';

let folder: Awaited<ReturnType<typeof tempFolder>>;
let dataDir: string;
let server: EmbeddedPostgres;
const steps: ProgressStep[] = [];

before(async () => {
  folder = await tempFolder();
  dataDir = join(folder.path, 'instance', 'postgres');
  server = await start(dataDir, steps);
});
after(async () => {
  await server.stop();
  await folder.remove();
});

function start(at: string, into: ProgressStep[] = []): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({ dataDir: at, logger: silentLogger, onProgress: (step) => into.push(step) });
}

const code = (wanted: string) => (error: unknown) => {
  assert.ok(error instanceof EmbeddedPostgresError, String(error));
  assert.equal(error.code, wanted);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

test('a first start makes a durable cluster and says what it does', async () => {
  assert.deepEqual(
    steps.filter((step) => step !== 'copying'),
    ['initdb', 'starting', 'ready'],
  );
  const names = [
    'fsync',
    'full_page_writes',
    'synchronous_commit',
    'data_checksums',
    'server_encoding',
    'listen_addresses',
  ];
  const list = [...names, 'max_connections', 'shared_buffers', 'unix_socket_permissions'];
  const rows = await query(
    server.connectionString,
    `SELECT ${list.map((name) => `current_setting('${name}') AS ${name}`).join(', ')},
       (SELECT datcollate FROM pg_database WHERE datname = 'postgres') AS collation`,
  );
  assert.deepEqual(rows, [
    {
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      data_checksums: 'on',
      server_encoding: 'UTF8',
      listen_addresses: '',
      max_connections: '60',
      shared_buffers: '128MB',
      unix_socket_permissions: '0700',
      collation: 'C',
    },
  ]);
});

test('only the account of the server may enter the cluster and the folder of the socket', async () => {
  for (const name of ['cluster', 'run']) {
    assert.equal((await stat(join(dataDir, name))).mode & 0o777, 0o700, name);
  }
  assert.equal((await stat(join(dataDir, 'postgres.log'))).mode & 0o777, 0o600);
});

test('a second instance in this process and in another one is refused, and the first goes on', async () => {
  await assert.rejects(start(dataDir), code('data_in_use'));
  const { last } = await hold(dataDir);
  assert.deepEqual([last.step, last.code], ['failed', 'data_in_use']);
  assert.match(last.message ?? '', new RegExp(`in use by process ${process.pid}:`));
  assert.deepEqual(await query(server.connectionString, 'SELECT 1 AS one'), [{ one: 1 }]);
});

test('what was committed is there after stop and start, stop may be called twice and ends open sessions', async () => {
  await query(server.connectionString, 'CREATE TABLE kept AS SELECT 42 AS n');
  const sleeping = query(server.connectionString, 'SELECT pg_sleep(60)');
  const cut = assert.rejects(sleeping);
  const asleep = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
  while ((await query(server.connectionString, asleep)).length === 0);
  await Promise.all([server.stop(), server.stop()]);
  await cut;
  assert.equal(await server.ended, 0);
  const again: ProgressStep[] = [];
  server = await start(dataDir, again);
  assert.deepEqual(again, ['starting', 'ready']);
  assert.deepEqual(await query(server.connectionString, 'SELECT n FROM kept'), [{ n: 42 }]);
});

test('remains of an unfinished first start and of dead owners are cleared', async () => {
  await server.stop();
  await mkdir(join(dataDir, '.cluster-half'));
  await writeFile(join(dataDir, '.cluster-half', 'PG_VERSION'), '18');
  for (const remains of [
    '',
    '{"pid":',
    JSON.stringify({ pid: 2 ** 22 + 1, started: null }),
    JSON.stringify({ pid: process.pid, started: 'x 1' }),
  ]) {
    await writeFile(join(dataDir, 'owner.json'), remains);
    server = await start(dataDir);
    await server.stop();
  }
  server = await start(dataDir);
  assert.deepEqual(
    (await readdir(dataDir)).filter((name) => name.startsWith('.') || name.startsWith('owner.json.')),
    [],
  );
});

test('data of another major version is refused and not touched', async () => {
  await server.stop();
  const version = join(dataDir, 'cluster', 'PG_VERSION');
  const own = await readFile(version, 'utf8');
  await writeFile(version, '17\n');
  await assert.rejects(start(dataDir), code('data_other_version'));
  assert.equal(await readFile(version, 'utf8'), '17\n');
  await writeFile(version, own);
  server = await start(dataDir);
});

test('a setting that PostgreSQL refuses is reported with its reason and leaves the folder free', async () => {
  await server.stop();
  const broken = startEmbeddedPostgres({ dataDir, logger: silentLogger, settings: { shared_buffers: 'much' } });
  await assert.rejects(broken, (error) => code('start_failed')(error) && /shared_buffers/.test(String(error)));
  server = await start(dataDir);
});

test('when PostgreSQL dies by itself that is known, and a new start recovers', async () => {
  process.kill(server.pid, 'SIGKILL');
  assert.notEqual(await server.ended, 0);
  await server.stop();
  server = await start(dataDir);
  assert.deepEqual(await query(server.connectionString, 'SELECT n FROM kept'), [{ n: 42 }]);
});

test('a folder too deep for a socket path and with odd characters in its name works', async () => {
  const temporary = async (): Promise<string[]> =>
    (await readdir(tmpdir())).filter((name) => name.startsWith('sigstead-pg-'));
  const before = await temporary();
  const deep = join(folder.path, `a, b'%41 é-${'x'.repeat(90)}`, 'postgres');
  const other = await start(deep);
  assert.deepEqual(await query(other.connectionString, 'SELECT 1 AS one'), [{ one: 1 }]);
  assert.equal((await temporary()).length, before.length + 1);
  await other.stop();
  assert.deepEqual(await temporary(), before);
});

test('odd characters in a short path work too', async () => {
  const other = await start(join(folder.path, 'o, d %2f'));
  assert.deepEqual(await query(other.connectionString, 'SELECT 1 AS one'), [{ one: 1 }]);
  await other.stop();
});

test('characters that a shell would act on are refused in one line and nothing is made', async () => {
  for (const name of ['a"b', 'a$(touch x)', 'a`b', 'a\\b', 'a\nb']) {
    await assert.rejects(start(join(folder.path, name)), code('data_path_unusable'));
    assert.equal(await stat(join(folder.path, name)).catch(() => undefined), undefined);
  }
});

test('of many starters at once exactly one gets the folder, the others are told so', async () => {
  const crowd = join(folder.path, 'crowd');
  const holders = await Promise.all([1, 2, 3, 4].map(() => hold(crowd)));
  const outcomes = holders.map(({ last }) => last.code ?? last.step).sort();
  assert.deepEqual(outcomes, ['data_in_use', 'data_in_use', 'data_in_use', 'ready']);
  await Promise.all(holders.map((holder) => holder.end()));
  const next = await hold(crowd);
  assert.deepEqual(
    next.said.map(({ step }) => step).filter((step) => step !== 'copying'),
    ['starting', 'ready'],
  );
  await next.end();
});
