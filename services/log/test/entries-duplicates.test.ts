import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { testDatabase } from '@sigstead/test';
import pg from 'pg';
import { hashedRekord, newKey } from './support/entries.ts';
import { answerOf, assertRefused, post, treeSize, verified } from './support/rekor-client.ts';
import { startServer } from './support/server.ts';
import { until } from './support/server-faults.ts';

const origin = 'log.example.com';
const pem = generatePrivateKeyPem('ed25519');
const log = { origin, signer: signerFromPem(pem) };
const spec = { name: 'v2', kind: 'rekor-v2', create: true, ...log } as const;
const key = newKey();
const PROCESSES = 4;
const answersOriginal = (process: number): boolean => process < 2;

/** Ports of processes that serve the log of that database. */
function serving(t: TestContext, connectionString: string): Promise<number[]> {
  const program = new URL('support/entry-server.ts', import.meta.url).pathname;
  const args = [program, connectionString, Buffer.from(pem).toString('base64'), origin];
  return Promise.all(
    Array.from({ length: PROCESSES }, async (_, i) => {
      const duplicates = answersOriginal(i) ? 'original' : 'conflict';
      const child = spawn(process.execPath, [...args, duplicates], { stdio: ['ignore', 'pipe', 'inherit'] });
      t.after(async () => {
        const exited = once(child, 'exit');
        if (child.kill()) await exited;
      });
      const said = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
      return Number(String(said[0]));
    }),
  );
}

test('B25 fifty at once of one entry, over four processes, two of which answer with conflicts: one leaf, and every answer names its index', async (t) => {
  const database = await testDatabase();
  t.after(() => database.drop());
  const first = await startServer({ logs: [spec], database });
  t.after(() => first.close());
  verified(await post(first.port, hashedRekord(key, 'something else')), log);
  const ports = await serving(t, database.connectionString);
  const request = hashedRekord(key, 'B25');
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => post(ports[i % PROCESSES]!, request)));
  const again = await Promise.all(ports.map((port) => post(port, request)));
  let added = 0;
  const byProcess = [...answers.entries(), ...again.entries()].map(([i, answer]) => [i % PROCESSES, answer] as const);
  for (const [process, answer] of byProcess) {
    if (answersOriginal(process) || answer.status === 201) {
      assert.equal(verified(answer, log).logIndex, '1');
      if (!answersOriginal(process)) added += 1;
    } else {
      assertRefused(answer, 409, 6, 'an equivalent entry already exists in the transparency log with index 1');
      assert.equal(answer.headers['x-log-index'], '1');
    }
  }
  assert.ok(added <= 1, 'only who has added it may be told so');
  assert.deepEqual(await Promise.all(ports.map(treeSize)), [2, 2, 2, 2]);
  assert.deepEqual((await first.handle.fsck('v2')).problems, []);
});

test('B26 a duplicate of what is not published yet waits for it, here and in another process: never an index beyond the tree', async (t) => {
  const database = await testDatabase();
  const rival = new pg.Client({ connectionString: database.connectionString });
  const servers = [await startServer({ logs: [spec], database })];
  t.after(async () => {
    await rival.end();
    for (const server of servers) await server.close();
    await database.drop();
  });
  servers.push(await startServer({ logs: [{ ...spec, duplicates: 'conflict' }], database }));
  const [here, elsewhere] = servers.map(({ port }) => port) as [number, number];
  await rival.connect();
  await rival.query('begin; select log_id from log.locks for update');
  const request = hashedRekord(key, 'B26');
  const settled: number[] = [];
  const note = (answer: Promise<{ status: number }>): void => void answer.then(({ status }) => settled.push(status));
  const first = post(here, request);
  const waiting = `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  const lockedOut = async (count: number): Promise<true | undefined> => {
    // Within the rival's transaction that view stays what it was.
    await rival.query('select pg_stat_clear_snapshot()');
    return (await rival.query(waiting)).rows.length >= count || undefined;
  };
  await until(() => lockedOut(1));
  const [same, other] = [post(here, request), post(elsewhere, request)];
  for (const each of [first, same, other]) note(each);
  await until(() => lockedOut(2));
  assert.deepEqual(settled, []);
  await rival.query('rollback');
  const [one, two] = [verified(await first, log), verified(await same, log)];
  assert.deepEqual([one.logIndex, two.logIndex], ['0', '0']);
  const third = await other;
  // Whoever got the lock first added it.
  if (third.status === 201) assert.equal(verified(third, log).logIndex, '0');
  else assert.equal(third.headers['x-log-index'], '0');
  assert.deepEqual([await treeSize(here), answerOf(await post(here, request)).logIndex], [1, '0']);
});
