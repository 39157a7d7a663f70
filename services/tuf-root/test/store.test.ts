import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { createMetrics, DatabaseError, migrate, type Pool, silentLogger } from '@sigstead/platform';
import { clientFrom, refreshClient } from '../src/core/client-check.ts';
import type { PublicationStore } from '../src/core/ports.ts';
import { type PublishedSet, viewOf } from '../src/core/published.ts';
import { selfCheck } from '../src/core/self-check.ts';
import { composeTufRoot, type TufRootHandle, type TufRootOptions } from '../src/index.ts';
import { PublishedView } from '../src/core/published-view.ts';
import { MIGRATIONS, SCHEMA } from '../src/store/migrations.ts';
import { postgresStore } from '../src/store/postgres-store.ts';
import { composeInMemory, DAY_MS, ManualClock, MemoryStore, never, newModel, newSigners, START_MS } from './support.ts';

async function database(t: TestContext): Promise<TestDatabase> {
  const created = await testDatabase();
  t.after(() => created.drop());
  return created;
}

async function emptyStore(t: TestContext): Promise<{ pool: Pool; store: PublicationStore }> {
  const pool = (await database(t)).pool();
  await migrate({ pool, schema: SCHEMA, migrations: MIGRATIONS });
  return { pool, store: postgresStore(pool) };
}

function compose(
  connectionString: string,
  options: Pick<TufRootOptions, 'model' | 'signers' | 'clock'>,
): Promise<TufRootHandle> {
  const fixed = { connection: { connectionString }, logger: silentLogger, metrics: createMetrics(), scheduler: never };
  return composeTufRoot({ ...fixed, internalUrls: 'allow', ...options });
}

test('B26: publishers that start and renew at once on one database never make two files of one version', async (t) => {
  const created = await database(t);
  const pool = created.pool();
  const { connectionString } = created;
  const [model, signers, clock] = [await newModel(), newSigners(), new ManualClock(START_MS + DAY_MS)];
  const handles = await Promise.all(
    Array.from({ length: 4 }, () => compose(connectionString, { model, signers, clock })),
  );
  t.after(() => Promise.all(handles.map((handle) => handle.close())));
  const roots = new Set(handles.map((handle) => handle.initialRoot().sha256hex));
  assert.equal(roots.size, 1, 'one initial root for all');
  for (let day = 2; day < 7; day += 1) {
    clock.set(START_MS + day * DAY_MS + 3_600_000);
    await Promise.all(handles.map((handle) => handle.renewNow()));
    for (const handle of handles) assert.deepEqual(await handle.ready(), { ok: true });
  }
  const versions = new Set(handles.map((handle) => JSON.stringify(handle.status())));
  assert.equal(versions.size, 1, 'all serve the same');
  assert.equal(handles[0]!.status().timestamp.version, 6, 'one new timestamp a day, whoever made it');
  const { rows } = await pool.query(
    'SELECT count(*) AS all, count(DISTINCT (role, version)) AS distinct FROM tuf.metadata',
  );
  assert.deepEqual(rows[0].all, rows[0].distinct);
  selfCheck((await postgresStore(pool).load())!, undefined, clock.nowMs());
});

test('B26: two publications made from the same one: exactly one is kept, the other leaves nothing', async (t) => {
  const { pool, store } = await emptyStore(t);
  const first = await composeInMemory({ store });
  const before = (await store.load())!;
  const publication = (mark: string) => ({
    sequence: before.sequence + 1,
    publishedAtMs: before.publishedAtMs,
    model: Buffer.from(mark),
    files: [{ role: 'timestamp' as const, version: 2, bytes: Buffer.from(mark) }],
    versions: { root: 1, targets: 1, snapshot: 1, timestamp: 2 },
    blobs: [],
  });
  const outcomes = await Promise.all(['a', 'b', 'c', 'd'].map((mark) => store.publish(publication(mark))));
  assert.deepEqual(outcomes.toSorted(), ['lost', 'lost', 'lost', 'published']);
  const { rows } = await pool.query("SELECT bytes FROM tuf.metadata WHERE role = 'timestamp' AND version = 2");
  const models = await pool.query('SELECT bytes FROM tuf.model_revision WHERE octet_length(bytes) = 1');
  assert.deepEqual([rows.length, models.rows.map((row) => row.bytes)], [1, [rows[0].bytes]]);
  await first.handle.close();
});

test('I8: the database itself refuses to lower a version, to skip a root, to change or to remove what was published', async (t) => {
  const { pool, store } = await emptyStore(t);
  const { handle, clock } = await composeInMemory({ store });
  clock.set(START_MS + 3 * DAY_MS);
  await handle.renewNow();
  assert.equal(handle.status().timestamp.version, 2);
  const before = (await store.load())!;
  const next = {
    sequence: before.sequence + 1,
    publishedAtMs: before.publishedAtMs,
    model: before.model,
    files: [],
    blobs: [],
  };
  const versions = { root: 1, targets: 1, snapshot: 1, timestamp: 2 };
  assert.equal(await store.publish({ ...next, versions: { ...versions, timestamp: 1 } }), 'lost');
  assert.equal(await store.publish({ ...next, versions, publishedAtMs: before.publishedAtMs - 1 }), 'lost');
  assert.equal(await store.publish({ ...next, versions, sequence: before.sequence }), 'lost');
  await assert.rejects(store.publish({ ...next, versions, sequence: before.sequence + 2 }), 'a gap in the sequence');
  await assert.rejects(store.publish({ ...next, versions: { ...versions, root: 2 } }), 'a version that is not stored');
  for (const table of ['metadata', 'publication', 'target_file', 'model_revision']) {
    for (const statement of [`DELETE FROM tuf.${table}`, `TRUNCATE tuf.${table} CASCADE`])
      await assert.rejects(pool.query(statement));
  }
  await assert.rejects(pool.query("UPDATE tuf.metadata SET bytes = ''"));
  await assert.rejects(pool.query('UPDATE tuf.publication SET timestamp_version = 1'));
  assert.deepEqual(await store.load(), before);
});

/** A pool whose connections break at the n-th statement of a publication: before it runs, or after it ran. */
function breaking(pool: Pool, at: number, when: 'before' | 'after'): { pool: Pool; broke: () => boolean } {
  let broken = false;
  const connect = async (): Promise<unknown> => {
    const client = await pool.connect();
    let seen = 0;
    let publishing = false;
    const query = async (text: string, values?: unknown[]): Promise<unknown> => {
      publishing ||= text.includes('INSERT INTO');
      const hit = publishing && ++seen === at;
      broken ||= hit;
      if (hit && when === 'before') throw new Error('connection lost');
      const result: unknown = await client.query(text, values);
      if (hit) throw new Error('connection lost');
      return result;
    };
    const listening = { on: client.on.bind(client), removeListener: client.removeListener.bind(client) };
    return { query, release: (destroy?: boolean) => client.release(destroy), ...listening };
  };
  const query = pool.query.bind(pool);
  return { pool: { connect, query } as unknown as Pool, broke: () => broken };
}

test('B23: a connection lost before or after any statement of a publication leaves the old state or the new one, whole', async (t) => {
  const { pool, store } = await emptyStore(t);
  const model = await newModel();
  const signers = newSigners();
  const first = await composeInMemory({ store, model, signers });
  const clock = new ManualClock(START_MS + DAY_MS);
  let [finished, statements, current] = [false, 0, model];
  for (let at = 1; !finished && at < 40; at += 1) {
    for (const when of ['before', 'after'] as const) {
      const before = (await store.load())!;
      clock.set(clock.nowMs() + 60_000);
      const url = `http://localhost:8080/oidc/${at}/${when}`;
      const changed = { ...current, signing: { ...current.signing, oidc: [{ ...current.signing.oidc[0]!, url }] } };
      const faulty = breaking(pool, at, when);
      const outcome = await composeInMemory({ store: postgresStore(faulty.pool), model: changed, signers, clock }).then(
        () => 'published',
        () => 'failed',
      );
      const after = (await store.load())!;
      assert.ok(after.sequence === before.sequence || after.sequence === before.sequence + 1);
      selfCheck(after, before.sequence === after.sequence ? undefined : before, clock.nowMs());
      if (after.sequence === before.sequence) assert.deepEqual(after, before, `${when} ${at}: ${outcome}`);
      if (outcome === 'published') assert.equal(after.sequence, before.sequence + 1);
      if (!faulty.broke()) finished = true;
      // What follows a crash: the same publisher starts again and gets through.
      const again = await composeInMemory({ store, model: changed, signers, clock });
      assert.equal((await store.load())!.sequence, before.sequence + 1, 'published once');
      await again.handle.close();
      current = changed;
    }
    statements = at;
  }
  assert.ok(finished);
  assert.ok(statements > 12, `only ${statements} statements were broken`);
  await first.handle.close();
});

test('readers meanwhile see the old state or the new one, never a mixture', async (t) => {
  const { store } = await emptyStore(t);
  const { handle, clock } = await composeInMemory({ store });
  let reading = true;
  const sequences = new Set<number>();
  t.after(() => {
    reading = false;
  });
  const reader = (async () => {
    while (reading) {
      const set = (await store.load())!;
      refreshClient(clientFrom(set.roots[0]!.bytes), viewOf(set), START_MS);
      sequences.add(set.sequence);
    }
  })();
  for (let round = 1; round <= 15; round += 1) {
    clock.set(START_MS + (1 + round * 11) * DAY_MS);
    await handle.renewNow();
    const published = handle.status().timestamp.version;
    assert.equal(published, round + 1);
    while (!sequences.has(round + 1)) await new Promise((resolve) => setImmediate(resolve));
  }
  reading = false;
  await reader;
});

test('C45 within a run: a database that was set back is noticed; nothing is signed, what was served stays served', async () => {
  const { handle, store, clock } = await composeInMemory();
  clock.set(START_MS + 3 * DAY_MS);
  await handle.renewNow();
  const newest = handle.status();
  const taken = store.sets.splice(1);
  clock.set(START_MS + 5 * DAY_MS);
  await handle.renewNow();
  assert.match((await handle.ready()).detail ?? '', /state_went_back/);
  assert.deepEqual(handle.status(), newest);
  assert.equal(store.sets.length, 1, 'no second file of a version that was served');
  store.sets.push(...taken);
  await handle.renewNow();
  assert.deepEqual(await handle.ready(), { ok: true });
  assert.equal(handle.status().timestamp.version, 3);
});

test('a lost answer to COMMIT is settled by reading again: the publication is not made twice', async () => {
  for (const kept of [true, false]) {
    const clock = new ManualClock(START_MS + DAY_MS);
    let unknown = true;
    class Unsure extends MemoryStore {
      override async publish(publication: Parameters<MemoryStore['publish']>[0]): Promise<'published' | 'lost'> {
        if (!unknown) return super.publish(publication);
        unknown = false;
        if (kept) await super.publish(publication);
        throw new DatabaseError('commit_unknown', 'the answer to COMMIT was lost');
      }
    }
    const store = new Unsure(clock);
    const { handle } = await composeInMemory({ store, clock });
    assert.equal(store.sets.length, 1);
    assert.equal(handle.status().timestamp.version, 1);
  }
});

test('I8: a slow answer of the store does not take what is served back to an older publication', async () => {
  const { handle, store, clock } = await composeInMemory();
  clock.set(START_MS + 3 * DAY_MS);
  await handle.renewNow();
  const [first, second] = store.sets as [PublishedSet, PublishedSet];
  const view = new PublishedView(() => undefined);
  const slow = Promise.withResolvers<PublishedSet>();
  const refreshing = view.refresh(() => slow.promise);
  view.adopt(second);
  slow.resolve(first);
  await refreshing;
  assert.equal(view.set?.sequence, 2);
  assert.equal(view.metadata?.timestamp.version, 2);
  await assert.rejects(
    view.refresh(() => Promise.resolve(first)),
    { code: 'state_went_back' },
  );
  await assert.rejects(
    view.refresh(() => Promise.resolve(undefined)),
    { code: 'state_went_back' },
  );
  const forged = { ...second, timestamp: { ...second.timestamp, bytes: first.timestamp.bytes } };
  await assert.rejects(
    view.refresh(() => Promise.resolve(forged)),
    { code: 'state_went_back' },
  );
  assert.equal(view.set?.sequence, 2);
});
