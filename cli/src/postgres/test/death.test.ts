import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openPool, silentLogger } from '@sigstead/platform';
import { startEmbeddedPostgres, type ProgressStep } from '../index.ts';
import { processExists } from '../owner.ts';
import { hold, killWatchdog, parentOf, query, tempFolder, untilGone, type Holder } from './support.ts';

/** "Within a few seconds": fast shutdown, and 5 s later an immediate one. */
const A_FEW_SECONDS_MS = 9000;

let folder: Awaited<ReturnType<typeof tempFolder>>;
let dataDir: string;

before(async () => {
  folder = await tempFolder();
  dataDir = join(folder.path, 'postgres');
});
after(() => folder.remove());

async function holding(): Promise<Holder & { pid: number; url: string }> {
  const holder = await hold(dataDir);
  const { step, pid, connectionString } = holder.last;
  assert.equal(step, 'ready', JSON.stringify(holder.last));
  return { ...holder, pid: pid ?? 0, url: connectionString ?? '' };
}

function kill(holder: Holder): Promise<void> {
  const gone = new Promise<void>((resolve) => holder.child.once('exit', () => resolve()));
  holder.child.ref();
  holder.child.kill('SIGKILL');
  return gone;
}

test('after kill -9 of its owner PostgreSQL ends, whatever sessions and transactions are open', async () => {
  const holder = await holding();
  const pool = openPool({ connectionString: holder.url, logger: silentLogger });
  const client = await pool.connect();
  await client.query('CREATE TABLE kept AS SELECT 1 AS n');
  await client.query('BEGIN');
  await client.query('INSERT INTO kept VALUES (2)');
  const supervisor = await parentOf(holder.pid);
  await kill(holder);
  await untilGone(holder.pid, A_FEW_SECONDS_MS);
  await untilGone(supervisor, A_FEW_SECONDS_MS);
  client.release(true);
  await pool.end();
});

test('what was committed before the kill is there, what was not is not', async () => {
  const holder = await holding();
  assert.deepEqual(
    holder.said.map(({ step }) => step),
    ['starting', 'ready'],
  );
  assert.deepEqual(await query(holder.url, 'SELECT n FROM kept'), [{ n: 1 }]);
  await holder.end();
});

test('a start right after kill -9 waits for the old server and works', async () => {
  const holder = await holding();
  const pool = openPool({ connectionString: holder.url, logger: silentLogger });
  await pool.query('INSERT INTO kept SELECT g FROM generate_series(10, 200000) g');
  await kill(holder);
  const steps: ProgressStep[] = [];
  const server = await startEmbeddedPostgres({ dataDir, logger: silentLogger, onProgress: (step) => steps.push(step) });
  assert.notEqual(server.pid, holder.pid);
  assert.equal(processExists(holder.pid), false);
  assert.deepEqual(await query(server.connectionString, 'SELECT count(*)::int AS n FROM kept'), [{ n: 199_992 }]);
  await server.stop();
  await pool.end();
});

test('after kill -9 of owner, watchdog and server at once a new start recovers', async () => {
  const holder = await holding();
  const supervisor = await parentOf(holder.pid);
  await query(holder.url, 'INSERT INTO kept VALUES (-1)');
  for (const pid of [supervisor, holder.pid]) process.kill(pid, 'SIGKILL');
  await kill(holder);
  await untilGone(holder.pid, A_FEW_SECONDS_MS);
  const next = await holding();
  assert.deepEqual(await query(next.url, 'SELECT n FROM kept WHERE n < 0'), [{ n: -1 }]);
  await next.end();
  assert.equal(processExists(next.pid), false);
});

test('when the watchdog was killed too, the next start ends the server that was left', async () => {
  const holder = await holding();
  await killWatchdog(holder.pid);
  await kill(holder);
  assert.equal(processExists(holder.pid), true);
  const next = await holding();
  assert.deepEqual(
    next.said.map(({ step }) => step),
    ['waiting', 'starting', 'ready'],
  );
  assert.equal(processExists(holder.pid), false);
  await next.end();
});

test('stop ends the server also when its watchdog was killed', async () => {
  const server = await startEmbeddedPostgres({ dataDir, logger: silentLogger });
  await killWatchdog(server.pid);
  await server.ended;
  await server.stop();
  assert.equal(processExists(server.pid), false);
});

test('Ctrl-C for the whole foreground group does not reach the server', async () => {
  const holder = await holding();
  process.kill(-(holder.child.pid ?? 0), 'SIGINT');
  process.kill(-(holder.child.pid ?? 0), 'SIGINT');
  assert.deepEqual(await query(holder.url, 'SELECT 1 AS one'), [{ one: 1 }]);
  await holder.end();
  assert.equal(processExists(holder.pid), false);
});

test('a termination signal to the watchdog does not cut sessions', async () => {
  const holder = await holding();
  const supervisor = await parentOf(holder.pid);
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(supervisor, name);
  assert.deepEqual(await query(holder.url, 'SELECT 1 AS one'), [{ one: 1 }]);
  assert.equal(processExists(supervisor), true);
  await kill(holder);
  await untilGone(holder.pid, A_FEW_SECONDS_MS);
});
