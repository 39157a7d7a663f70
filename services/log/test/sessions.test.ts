import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { fsck } from '../src/core/fsck.ts';
import { Session } from '../src/store/session.ts';
import { cuttingProxy } from './support/cutting-proxy.ts';
import { hasher, TEST_KEY_PEM, testLogs, type TestLogs, text, textPersonality } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

async function assertSound(): Promise<number> {
  const report = await fsck({ store: await logs.store(), personality: textPersonality(), hasher });
  assert.deepEqual(report.problems, []);
  return report.size;
}

test('a connection lost around COMMIT, before or after it took effect: one leaf, one truthful answer', async () => {
  const proxy = await cuttingProxy(logs.database.connectionString);
  const log = await logs.open({ connectionString: proxy.connectionString });
  await log.sequencer.append(text('warm'));
  for (const when of ['before', 'after', 'after', 'before'] as const) {
    const size = await assertSound();
    const cuts = proxy.cuts();
    proxy.cutAtCommit(when);
    const receipts = await Promise.all(['x', 'y'].map((v) => log.sequencer.append(text(`${v} ${when} ${size}`))));
    assert.equal(proxy.cuts(), cuts + 1);
    assert.deepEqual(
      receipts.map((r) => [r.kind, r.index]),
      [
        ['added', size],
        ['added', size + 1],
      ],
    );
    assert.equal(await assertSound(), size + 2);
  }
  await log.close();
  await proxy.close();
});

test('a COMMIT that comes with a notice is not taken for an acknowledgement', async () => {
  const session = new Session(logs.database.connectionString);
  await session.open();
  await session.run('create table if not exists public.noisy (n integer)');
  await session.run(`create or replace function public.warn() returns trigger language plpgsql as
    $$ begin raise warning 'canceling wait for synchronous replication'; return null; end $$`);
  await session.run(`create constraint trigger noisy after insert on public.noisy deferrable initially deferred
    for each row execute function public.warn()`);
  await session.run('begin');
  await session.run('insert into public.noisy values (1)');
  await assert.rejects(session.commit(), { name: 'StoreError', code: 'unknown' });
  await session.open();
  await session.run('begin');
  await session.run('select 1/0').catch(() => undefined);
  await assert.rejects(session.commit(), { code: 'unknown' }, 'a COMMIT that ended in ROLLBACK');
  await session.close();
});

test('a server that does not answer in time is given up, and what was sent is unknown', async () => {
  const limits = { idleInTransactionMs: 2000, lockMs: 5000, statementMs: 5000, replyMs: 200, connectMs: 2000 };
  const session = new Session(logs.database.connectionString, limits);
  await session.open();
  await assert.rejects(session.run('select pg_sleep(3)'), { code: 'lost' });
  await assert.rejects(session.run('select 1'), { code: 'lost' });
  await session.open();
  await session.run('select 1');
  await session.close();
});

test('a server that lets us in and then says nothing is given up; a session once closed opens no more', async () => {
  const server = createServer((socket) => {
    // SPEC: PostgreSQL protocol: AuthenticationOk, ReadyForQuery.
    socket.once('data', () => socket.write(Buffer.from('520000000800000000' + '5a0000000549', 'hex')));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const limits = { idleInTransactionMs: 2000, lockMs: 5000, statementMs: 5000, replyMs: 200, connectMs: 2000 };
  const silent = new Session(`postgresql://user@127.0.0.1:${port}/silent`, limits);
  await assert.rejects(silent.open(), { code: 'lost' });
  server.close();
  const session = new Session(logs.database.connectionString);
  await session.open();
  await session.close();
  await assert.rejects(session.open(), { code: 'lost' });
});

test('kill -9 of a writing process, again and again: all it acknowledged is there, and the log goes on', async () => {
  const acknowledged: string[] = [];
  for (let round = 0; round < 3; round++) {
    const script = fileURLToPath(new URL('support/writer.ts', import.meta.url));
    const args = [
      script,
      logs.database.connectionString,
      `life ${round}`,
      Buffer.from(TEST_KEY_PEM).toString('base64'),
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      // In the middle of what it does, at another place each time.
      if (acknowledged.length >= (round + 1) * 150 + round * 7) child.kill('SIGKILL');
    }
    await exited;
  }
  const log = await logs.open();
  const size = await assertSound();
  const records = await log.store.records({ begin: 0, end: size });
  for (const line of acknowledged) {
    const [, index, value] = /^(\d+) (.*)$/.exec(line) ?? [];
    assert.equal(Buffer.from(records[Number(index)]!.leaf).toString(), value);
  }
  assert.ok(acknowledged.length >= 450);
  assert.equal((await log.sequencer.append(text('after all that'))).index, size);
});

test('closing a session ends although the server has fallen silent', async () => {
  const way = await cuttingProxy(logs.database.connectionString);
  const limits = { idleInTransactionMs: 2000, lockMs: 5000, statementMs: 5000, replyMs: 300, connectMs: 5000 };
  const session = new Session(way.connectionString, limits);
  try {
    await session.open();
    way.silence();
    await session.close();
    await assert.rejects(session.open(), { code: 'lost' });
  } finally {
    session.drop();
    await way.close();
  }
});
