import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addChainRequest, parseSignedCheckpoint } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { sqlState } from '@sigstead/platform';
import { StoreError } from '../src/core/errors.ts';
import { frozenLine } from '../src/core/rekor-v2/personality.ts';
import type { LifeState } from '../src/core/life.ts';
import type { LogStore } from '../src/core/ports.ts';
import { closeLog } from '../src/scrub/close-log.ts';
import { certificate, isCa } from './support/certificates.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { faultyStore } from './support/faulty-store.ts';
import { startServer, type TestServer } from './support/server.ts';
import { testLogs, type TestLogs, text } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

async function sizeIn(of: TestLogs): Promise<number> {
  const { rows } = await of.pool.query<{ size: string }>('select max(size) as size from log.heads');
  return Number(rows[0]?.size);
}

test('after a freeze is acknowledged nothing is appended, by however many writers, also after a restart', async (t) => {
  const own = await testLogs();
  t.after(() => own.drop());
  const writers = await Promise.all(Array.from({ length: 4 }, () => own.open()));
  let stopped = false;
  const acknowledged: number[] = [];
  const refusals = new Set<string>();
  const load = writers.flatMap((writer, w) =>
    Array.from({ length: 4 }, async (_, c) => {
      for (let n = 0; !stopped; n++) {
        await writer.sequencer.append(text(`${w} ${c} ${n}`)).then(
          ({ index }) => acknowledged.push(index),
          (error: unknown) => refusals.add(String((error as { code?: unknown }).code)),
        );
        await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
  while (acknowledged.length < 100) await new Promise((resolve) => setImmediate(resolve));
  const freezer = await own.open();
  const frozen = await freezer.changeState('frozen');
  assert.deepEqual([frozen.state, frozen.changed], ['frozen', true]);
  const size = await sizeIn(own);
  assert.equal(frozen.size, size, 'the last note is that of the last entry');
  // Every writer is asked again, and hears it.
  for (const writer of writers) await assert.rejects(writer.sequencer.append(text('late')), { code: 'read_only' });
  stopped = true;
  await Promise.all(load);
  assert.deepEqual([...refusals], ['read_only']);
  assert.equal(await sizeIn(own), size);
  assert.ok(acknowledged.every((index) => index < size));
  const restarted = await own.open();
  assert.throws(() => restarted.sequencer.checkRoom(), { code: 'read_only' });
  await assert.rejects(restarted.sequencer.append(text('later')), { code: 'read_only' });
  assert.deepEqual(await restarted.changeState('frozen'), { state: 'frozen', changed: false, size });
  assert.equal((await own.pool.query('select 1 from log.states')).rowCount, 1);
});

test('a log goes from active to read-only and back, and from each to frozen; from there nowhere', async (t) => {
  const own = await testLogs();
  t.after(() => own.drop());
  const [log, operator] = [await own.open(), await own.open()];
  await log.sequencer.append(text('one'));
  const steps: [LifeState, boolean][] = [
    ['active', false],
    ['read-only', true],
    ['read-only', false],
    ['active', true],
    ['read-only', true],
  ];
  for (const [state, changed] of steps) {
    assert.deepEqual(await operator.changeState(state), { state, changed, size: await sizeIn(own) });
    const appended = log.sequencer.append(text(`while ${state}`));
    if (state === 'active') await appended;
    else await assert.rejects(appended, { code: 'read_only' });
  }
  await operator.changeState('frozen');
  for (const state of ['active', 'read-only'] as const) {
    await assert.rejects(operator.changeState(state), { code: 'misconfigured', message: /frozen, and stays so/ });
  }
});

test('the database itself refuses entries of a frozen log, a way back, and changes of what was said', async (t) => {
  const own = await testLogs();
  t.after(() => own.drop());
  const log = await own.open();
  await log.sequencer.append(text('one'));
  await log.changeState('frozen');
  const refused: [string, string][] = [
    // As a process of a release that knows no states would.
    [
      `insert into log.heads (log_id, previous_size, size, root, created_ms) select log_id, 1, 2, root, 0 from log.heads where size = 1`,
      '55000',
    ],
    [
      `insert into log.states (log_id, ordinal, state, size, created_ms) select log_id, 1, 'active', 1, 0 from log.logs`,
      '23001',
    ],
    [`update log.states set state = 'active'`, '23001'],
    ['delete from log.states', '23001'],
    ['truncate log.states', '23001'],
  ];
  for (const [statement, code] of refused) {
    await assert.rejects(own.pool.query(statement), (error) => sqlState(error) === code, statement);
  }
  const unknown = `insert into log.states (log_id, ordinal, state, size, created_ms) select log_id, 9, 'thawed', 1, 0 from log.logs`;
  await assert.rejects(own.pool.query(unknown));
});

for (const done of [false, true]) {
  test(`a freeze whose COMMIT is of unknown outcome, ${done ? 'done' : 'not done'}: it is frozen once, with one note`, async (t) => {
    const own = await testLogs();
    t.after(() => own.drop());
    const writer = await own.open();
    await writer.sequencer.append(text('one'));
    const faulty = faultyStore(await own.store());
    const log = await own.open({ wrap: () => faulty.store });
    faulty.arm({ step: 'commit', done, code: 'unknown' });
    const { state, size } = await log.changeState('frozen');
    assert.equal(faulty.struck(), 1);
    assert.deepEqual([state, size], ['frozen', 1]);
    assert.equal((await own.pool.query('select 1 from log.notes where size = 1')).rowCount, 2);
    await assert.rejects(writer.sequencer.append(text('two')), { code: 'read_only' });
  });
}

test('a freeze that finds no database says so, and a log that has halted is not frozen', async () => {
  const log = await logs.open({
    wrap: (store) => ({ ...store, begin: () => Promise.reject(new StoreError('lost', 'away')) }),
  });
  await assert.rejects(log.changeState('frozen'), { code: 'unavailable' });
  const mark = {
    read: () => Promise.resolve({ size: 9, root: new Uint8Array(32) }),
    advance: () => Promise.reject(new Error('no')),
  };
  const halted = await logs.open({ mark });
  await assert.rejects(halted.changeState('frozen'), { code: 'halted' });
  assert.equal((await logs.pool.query('select 1 from log.states')).rowCount, 0);
});

test('the line of a frozen checkpoint has the date as Go writes time.UnixDate', () => {
  assert.equal(frozenLine(Date.UTC(2026, 10, 2, 3, 7, 5)), 'Log frozen \u2014 Mon Nov  2 03:07:05 UTC 2026');
  assert.equal(frozenLine(Date.UTC(2024, 1, 29, 23, 59, 59, 999)), 'Log frozen \u2014 Thu Feb 29 23:59:59 UTC 2024');
});

async function post(server: TestServer, path: string, body: unknown): Promise<{ status: number; text: string }> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, text: await answer.text() };
}

test('over HTTP a frozen log refuses as upstream does, and serves its last note from every process', async (t) => {
  const signer = (): ReturnType<typeof signerFromPem> => signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  const root = certificate({ subject: 'root', extensions: [isCa()] });
  const logSpecs = [
    { name: 'rekor', origin: 'log.example.com', kind: 'rekor-v2' as const, signer: signer(), create: true },
    {
      name: 'ct',
      origin: 'ct.example.com',
      kind: 'ct' as const,
      signer: signer(),
      acceptedRoots: [root.der],
      create: true,
    },
  ];
  const first = await startServer({ logs: logSpecs, checkpointAgeMs: 0 });
  t.after(() => first.close());
  const second = await startServer({ logs: logSpecs, checkpointAgeMs: 0, database: first.database });
  t.after(() => second.close());
  const key = newKey();
  assert.equal((await post(first, '/api/v2/log/entries', hashedRekord(key, 'before'))).status, 201);
  const chain = addChainRequest([
    certificate({ subject: 'leaf', issuer: root, extensions: [{ oid: '1.2.3.4', value: Buffer.from('x') }] }).der,
    root.der,
  ]);
  assert.equal((await post(first, '/ct/ct/ct/v1/add-chain', chain)).status, 200);
  for (const { name } of logSpecs) assert.equal((await first.handle.changeState(name, 'frozen')).size, 1);
  for (const server of [first, second]) {
    for (const message of ['before', 'after']) {
      const answer = await post(server, '/api/v2/log/entries', hashedRekord(key, message));
      assert.equal(answer.status, 405);
      assert.equal(answer.text, 'This log has been frozen, please switch to the latest log.\n');
    }
    assert.deepEqual(await post(server, '/ct/ct/ct/v1/add-chain', chain), {
      status: 403,
      text: 'Forbidden\nlog is frozen\n',
    });
    const { checkpoint } = parseSignedCheckpoint(await (await fetch(`${server.url}/checkpoint`)).text());
    assert.match(
      checkpoint.extensions.join('|'),
      /^Log frozen — [A-Z][a-z]{2} [A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d UTC \d{4}$/,
    );
    assert.equal(checkpoint.size, 1);
    assert.equal((await fetch(`${server.url}/tile/entries/000.p/1`)).status, 200);
    assert.equal((await fetch(`${server.url}/ct/ct/ct/v1/get-entries?start=0&end=0`)).status, 200);
    assert.deepEqual((await server.handle.ready()).ok, true);
  }
  const heads = await Promise.all(
    [first, second].map(async ({ url }) => (await fetch(`${url}/ct/ct/ct/v1/get-sth`)).text()),
  );
  assert.equal(heads[0], heads[1]);
  for (const { name } of logSpecs) assert.deepEqual((await first.handle.fsck(name)).problems, []);
});

test('that a log has been closed already is believed only once a COMMIT is acknowledged', async (t) => {
  const own = await testLogs();
  t.after(() => own.drop());
  await (await own.open()).changeState('frozen');
  let commits = 0;
  const wrap = (store: LogStore): LogStore => ({
    ...store,
    async begin() {
      const tx = await store.begin();
      const commit = async (): Promise<void> => {
        commits += 1;
        if (commits > 1) return tx.commit();
        await tx.rollback();
        throw new StoreError('unknown', 'the connection ended');
      };
      return { ...tx, commit };
    },
  });
  const operator = await own.open({ wrap });
  assert.deepEqual(await operator.changeState('frozen'), { state: 'frozen', changed: false, size: 0 });
  assert.equal(commits, 2);
  commits = 0;
  await assert.rejects(closeLog(operator.store, 1), { code: 'unknown' });
  await closeLog(operator.store, 1);
  assert.equal((await own.pool.query('select 1 from log.states')).rowCount, 1);
});
