import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { generatePrivateKeyPem, type LocalSigner, signerFromPem } from '@sigstead/keys';
import { createLogger, silentLogger } from '@sigstead/platform';
import { type ClusterServer, listOf, TestCluster, type TestDatabase } from '@sigstead/test';
import { type LogOptions, SESSION_LIMITS } from '../src/index.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';

let cluster: TestCluster;
let folder: string;
before(async () => {
  cluster = await TestCluster.open();
  folder = await mkdtemp(join(tmpdir(), 'sigstead-standby-'));
});
after(async () => {
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

const key = newKey();

/** Nothing of its own: the servers are the cluster's. */
function databaseOf(connectionString: string): TestDatabase {
  return {
    connectionString,
    pool: () => {
      throw new Error('there is no pool of the test');
    },
    drop: () => Promise.resolve(),
  };
}

interface Site {
  name: string;
  signer: LocalSigner;
  servers: readonly ClusterServer[];
}

/** One more process of a log over a list of servers, with the log's one mark. */
async function process(t: TestContext, site: Site, options: Partial<LogOptions> = {}): Promise<TestServer> {
  const { name, signer, servers } = site;
  const server = await startServer({
    database: databaseOf(listOf(servers)),
    logs: [
      {
        name,
        origin: 'log.example.com',
        kind: 'rekor-v2',
        signer,
        create: true,
        markFile: join(folder, `mark-${name}`),
      },
    ],
    requireDurableDatabase: true,
    // Shorter than in earnest, so that a test need not wait as long.
    sessions: { ...SESSION_LIMITS, lockMs: 500, replyMs: 1000, connectMs: 1000 },
    ...options,
  });
  t.after(() => server.close());
  return server;
}

interface Answer {
  status: number;
  /** `undefined` when there is none. */
  retryAfter: string;
  index: number | undefined;
}

/** Signed once: who signs again submits another entry. */
const bodies = new Map<string, Buffer>();

async function post(server: TestServer, message: string): Promise<Answer> {
  const body = bodies.get(message) ?? Buffer.from(JSON.stringify(hashedRekord(key, message)));
  bodies.set(message, body);
  const answer = await send(server.port, { method: 'POST', path: '/api/v2/log/entries', body });
  const json = JSON.parse(answer.body.toString()) as { logIndex?: string; message?: string };
  const known = /index (\d+)/.exec(json.message ?? '')?.[1];
  const index = json.logIndex ?? known;
  return {
    status: answer.status,
    retryAfter: String(answer.headers['retry-after']),
    index: index === undefined ? undefined : Number(index),
  };
}

/** Again and again, as a client that is told to come again, until the entry has its index. */
async function indexOf(server: TestServer, message: string): Promise<number> {
  const endMs = performance.now() + 60_000;
  for (;;) {
    const { status, index } = await post(server, message);
    if (index !== undefined) return index;
    assert.ok(status === 503 || status === 504, String(status));
    assert.ok(performance.now() < endMs, `${message} got no index: ${JSON.stringify(server.handle.stats())}`);
  }
}

async function assertSound(server: TestServer, name: string, size: number): Promise<void> {
  const report = await server.handle.fsck(name);
  assert.deepEqual([report.complete, report.problems, report.size], [true, [], size]);
}

test('a synchronous standby: while it is away nothing is acknowledged and nobody waits for long; promoted, it has all that was', async (t) => {
  const primary = await cluster.primary('sync-primary');
  const standby = await cluster.standbyOf(primary, 'sync_standby');
  await primary.configure({ synchronous_standby_names: 'sync_standby' });
  const site = { name: 'sync', signer: signerFromPem(generatePrivateKeyPem('ed25519')), servers: [standby, primary] };
  const servers = [await process(t, site), await process(t, site)];
  const [one, two] = servers;
  assert.ok(one !== undefined && two !== undefined);
  const acknowledged = new Map<string, number>();
  for (let i = 0; i < 6; i++) acknowledged.set(`before ${i}`, await indexOf(servers[i % 2] ?? one, `before ${i}`));

  await standby.end('fast');
  const during = await Promise.all([post(one, 'during 1'), post(two, 'during 2')]);
  for (const { status, retryAfter, index } of during) {
    assert.deepEqual([status, index], [503, undefined], 'not acknowledged');
    assert.equal(retryAfter, '1');
  }
  for (const server of servers) {
    const { size } = server.handle.stats()[0] ?? { size: -1 };
    assert.ok(size <= 6, 'nothing that the standby lacks is shown');
  }
  // The one whose wait is cancelled is reported as a success, with a warning.
  await primary.query("select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'");
  const cancelled = await post(one, 'during 1');
  assert.deepEqual([cancelled.status, cancelled.index], [503, undefined], 'still not acknowledged');

  await standby.startAgain();
  for (const message of ['during 1', 'during 2', 'after']) acknowledged.set(message, await indexOf(one, message));
  assert.deepEqual(
    [...acknowledged.values()].toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
    'each has one index',
  );
  const shown = one.handle.stats()[0];

  await primary.until("select 1 from pg_stat_replication where sync_state = 'sync'");
  await primary.end('immediate');
  await standby.promote();
  for (const [message, index] of acknowledged) assert.equal(await indexOf(two, message), index, message);
  assert.equal(await indexOf(two, 'on the new primary'), 9);
  assert.equal(await indexOf(one, 'by the other one'), 10);
  await assertSound(two, 'sync', 11);
  assert.equal(one.handle.stats()[0]?.haltedBy, undefined);
  assert.equal(shown?.size, 9);
});

test('an asynchronous standby promoted without the newest entries: found through the mark, by every process, before anything is signed', async (t) => {
  const primary = await cluster.primary('async-primary');
  const standby = await cluster.standbyOf(primary, 'async_standby');
  const site = { name: 'async', signer: signerFromPem(generatePrivateKeyPem('ed25519')), servers: [primary, standby] };
  const [writer, idle] = [await process(t, site), await process(t, site)];
  assert.equal(await indexOf(writer, 'on both'), 0);
  await primary.until('select 1 from pg_stat_replication where replay_lsn = pg_current_wal_flush_lsn()');
  await standby.end('fast');
  assert.equal(await indexOf(writer, 'answered, and then lost'), 1);
  await primary.end('immediate');
  await standby.startAgain();
  await standby.promote();

  const promotedMs = performance.now();
  for (const server of [writer, idle]) {
    const refused = await post(server, 'in its place');
    assert.deepEqual([refused.status, refused.index], [503, undefined]);
    while (server.handle.stats()[0]?.haltedBy === undefined) {
      assert.ok(performance.now() - promotedMs < 30_000, 'it was never found out');
      await post(server, 'in its place');
    }
    assert.match(String(server.handle.stats()[0]?.haltedBy), /size 1 root .* (is below the mark|is below the head)/);
    assert.equal((await server.handle.ready()).ok, false);
  }
  const heads = await standby.query('select max(size)::int as size from log.heads');
  assert.deepEqual(heads, [{ size: 1 }], 'nothing was signed on top of what was left');
  await assert.rejects(
    async () => {
      const later = await process(t, site);
      const refused = await post(later, 'in its place');
      assert.equal(refused.status, 503);
      throw new Error(later.handle.stats()[0]?.haltedBy);
    },
    /size 1 root .* is below the mark \(size 2/,
    'one that is started later finds it too',
  );
});

test('a setting that may lose what was acknowledged: no start with it; changed while running, no entry until it is changed back', async (t) => {
  const primary = await cluster.primary('unsafe');
  const lines: string[] = [];
  const stream = { write: (line: string): unknown => lines.push(line) };
  const logger = createLogger({ service: 'test', level: 'warn', stream });
  const site = { name: 'unsafe', signer: signerFromPem(generatePrivateKeyPem('ed25519')), servers: [primary] };
  const running = await process(t, site, { logger });
  let index = 0;
  assert.equal(await indexOf(running, `entry ${index}`), index);
  const cases: [Record<string, string>, RegExp][] = [
    [{ fsync: 'off' }, /fsync=off/],
    [{ full_page_writes: 'off' }, /full_page_writes=off/],
    [{ synchronous_commit: 'off' }, /synchronous_commit=off/],
    [{ synchronous_standby_names: 'nobody', synchronous_commit: 'local' }, /synchronous_commit=local/],
    [{ synchronous_standby_names: 'nobody', synchronous_commit: 'remote_write' }, /synchronous_commit=remote_write/],
  ];
  for (const [settings, pattern] of cases) {
    await primary.configure(settings);
    await primary.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '' and pid <> pg_backend_pid()",
    );
    const refused = await post(running, `entry ${index + 1}`);
    assert.deepEqual([refused.status, refused.retryAfter, refused.index], [503, '1', undefined]);
    assert.match(lines.join(''), pattern, 'the operator is told');
    const ready = await running.handle.ready();
    assert.equal(ready.ok, false);
    assert.match(String(ready.detail), pattern);
    await assert.rejects(process(t, site), pattern, 'no start');
    // Who must not be safe may start. Commits wait for the standby all the same: the log's own sessions see to that.
    if (settings['synchronous_standby_names'] === undefined) {
      await (await process(t, site, { requireDurableDatabase: false, logger: silentLogger })).close();
    }
    await primary.configure(Object.fromEntries(Object.keys(settings).map((name) => [name, null])));
    index += 1;
    assert.equal(await indexOf(running, `entry ${index}`), index, 'by itself, with the next index');
    assert.deepEqual(await running.handle.ready(), { ok: true });
    lines.length = 0;
  }
  // Without a new connection: the one in use is asked again.
  await primary.configure({ fsync: 'off' });
  let refused = await post(running, 'held 0');
  for (let i = 1; refused.status === 201; i++) {
    assert.ok(i < 5000, 'never noticed');
    refused = await post(running, `held ${i}`);
  }
  assert.equal(refused.status, 503);
  await primary.configure({ fsync: null });
  await indexOf(running, 'and on');
  const { size } = running.handle.stats()[0] ?? { size: 0 };
  await assertSound(running, 'unsafe', size);
});
