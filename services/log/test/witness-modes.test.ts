import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fsckPublished } from '../src/index.ts';
import { sha256 } from './support/test-log.ts';
import {
  database,
  readAnswer,
  readNote,
  signer,
  until,
  type WitnessedServer,
  witnessedServer,
  witnesses,
} from './support/witnessed-log.ts';

const silent = () => 'hang' as const;
const absent = () => ({ status: 404, body: 'no\n' });

test('F66: a quorum of groups (any, all, k of n, nested) is met by those that the policy says, and by no fewer', async (t) => {
  const known = await witnesses(t, 'x1', 'x2', 'x3', 'y1', 'y2');
  const server = await witnessedServer(t, {
    witnesses: known,
    quorum: ['group x 2 x1 x2 x3', 'group y any y1 y2', 'group both all x y', 'quorum both'],
    witness: { mode: 'fail-closed' },
  });
  const without = async (...names: string[]): Promise<string[] | number> => {
    for (const each of known) each.behave = names.includes(each.name) ? absent : () => 'honest';
    const answer = await server.post(`without ${names.join(' ')}`);
    return answer.status === 201 ? readAnswer(answer, known).by : answer.status;
  };
  assert.deepEqual(await without('x3', 'y2'), ['x1', 'x2', 'y1']);
  assert.deepEqual(await without('x1', 'y1'), ['x2', 'x3', 'y2']);
  assert.equal((await server.handle.fsck('v2')).problems.length, 0);
});

for (const [missing, names] of [
  ['one of two in x', ['x1', 'x2']],
  ['all of y', ['y1', 'y2']],
] as const) {
  test(`F66: fail-closed, with ${missing} missing nothing is shown: 503 and come again, the entry stays, and a retry gets it`, async (t) => {
    const known = await witnesses(t, 'x1', 'x2', 'x3', 'y1', 'y2');
    const server = await witnessedServer(t, {
      witnesses: known,
      quorum: ['group x 2 x1 x2 x3', 'group y any y1 y2', 'group both all x y', 'quorum both'],
      witness: { mode: 'fail-closed', waitMs: 300, timeoutMs: 150 },
    });
    await until(async () => (await server.get('/checkpoint')).status === 200);
    const before = (await server.get('/checkpoint')).body;
    for (const each of known) if ((names as readonly string[]).includes(each.name)) each.behave = absent;
    const refused = await server.post('stored all the same');
    assert.equal(refused.status, 503, refused.body.toString());
    assert.equal(refused.headers['retry-after'], '1');
    const text = 'entry is not in a witnessed checkpoint yet; retry';
    assert.deepEqual(JSON.parse(refused.body.toString()), { code: 14, message: text, details: [] });
    assert.deepEqual((await server.get('/checkpoint')).body, before);
    assert.equal(server.handle.stats()[0]?.size, 1);
    // F69: publication lag, until the witnesses are back.
    await until(async () => (await server.metric('sigstead_log_publication_lag_entries', { log: 'v2' })) === 1);
    // Three intervals later readiness says so, and why.
    await until(async () => !(await server.handle.ready()).ok);
    const { detail } = await server.handle.ready();
    assert.match(String(detail), /^v2: no quorum of witnesses for \d+ s: .*unknown_log/);
    for (const each of known) each.behave = () => 'honest';
    await until(async () => (await server.post('stored all the same')).status === 201);
    const answer = readAnswer(await server.post('stored all the same'), known);
    assert.deepEqual([answer.index, answer.size], [0, 1]);
    await until(async () => (await server.handle.ready()).ok);
    assert.equal(await server.metric('sigstead_log_publication_lag_entries', { log: 'v2' }), 0);
    assert.match(
      await server.metrics.text(),
      /sigstead_log_witness_round_seconds_count\{log="v2",result="no_quorum"\} [1-9]/,
    );
  });
}

test('F66: fail-open, when the time is up the checkpoint is shown with what there is, by one publication for all processes, and cosigned as soon as there are enough', async (t) => {
  const known = await witnesses(t, 'w1', 'w2');
  const shared = { witnesses: known, quorum: ['group all2 all w1 w2', 'quorum all2'], database: await database(t) };
  const [first, second] = [
    await witnessedServer(t, { ...shared, witness: { timeoutMs: 300 } }),
    await witnessedServer(t, { ...shared, witness: { timeoutMs: 300 } }),
  ];
  known[0]!.behave = silent;
  for (const [size, server] of [
    [1, first],
    [2, second],
  ] as const) {
    const answer = readAnswer(await server.post(`message ${size}`), known);
    assert.equal(answer.size, size);
    assert.ok(!answer.by.includes('w1'));
    const shown = await Promise.all(
      [first, second].map(async (each) => (await each.get('/checkpoint')).body.toString()),
    );
    assert.ok(shown.every((each) => readNote(each, known).size === size));
    assert.equal((await server.handle.ready()).ok, true);
  }
  known[0]!.behave = () => 'honest';
  for (const server of [first, second]) {
    await until(async () => readNote((await server.get('/checkpoint')).body, known).by.length === 2);
    assert.equal(readNote((await server.get('/checkpoint')).body, known).size, 2);
  }
});

test('F66: fail-closed shows nothing that was published without a quorum before: 503 until there is one, and never an older one', async (t) => {
  const known = await witnesses(t, 'w');
  const shared = { witnesses: known, quorum: 'quorum w', database: await database(t) };
  const open = await witnessedServer(t, { ...shared, witness: { timeoutMs: 200 } });
  assert.deepEqual(readAnswer(await open.post('with'), known).by, ['w']);
  known[0]!.behave = absent;
  assert.deepEqual(readAnswer(await open.post('without'), known).by, []);
  await open.close();
  const closed = await witnessedServer(t, {
    ...shared,
    witness: { mode: 'fail-closed', waitMs: 200, timeoutMs: 150 },
  });
  for (const answer of [await closed.get('/checkpoint'), await closed.post('with'), await closed.post('without')]) {
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1'], answer.body.toString());
  }
  assert.throws(() => closed.handle.rekorV2('v2').checkpoint(), { code: 'unavailable' });
  await until(async () => !(await closed.handle.ready()).ok);
  known[0]!.behave = () => 'honest';
  await until(async () => (await closed.get('/checkpoint')).status === 200);
  assert.deepEqual(readNote((await closed.get('/checkpoint')).body, known).by, ['w']);
  assert.equal(readAnswer(await closed.post('without'), known).size, 2);
  await until(async () => (await closed.handle.ready()).ok);
});

test('F66: "quorum none" asks nobody and shows every checkpoint at once; a witnessed log is not served without its policy', async (t) => {
  const known = await witnesses(t, 'w');
  const shared = { witnesses: known, database: await database(t) };
  const server = await witnessedServer(t, { ...shared, quorum: 'quorum none', witness: { mode: 'fail-closed' } });
  assert.deepEqual(readAnswer(await server.post('one'), known).lines, ['log.example.com']);
  assert.equal(known[0]!.asked.length, 0);
  await assert.rejects(
    witnessedServer(t, { ...shared, quorum: 'quorum none', spec: { witness: undefined } as never }),
    /shows what its witnesses have cosigned, and would be served without them/,
  );
  // Who asks is the one whose policy counts.
  await server.close();
  const again = await witnessedServer(t, { ...shared, quorum: 'quorum w' });
  await until(async () => readNote((await again.get('/checkpoint')).body, known).by.length === 1);
});

test('F68: the last checkpoint of a frozen log, of the same size with its line, is witnessed and shown like any other, and the log exported with it', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'sigstead-witnessed-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const known = await witnesses(t, 'w');
  const shared = { witnesses: known, quorum: 'quorum w', database: await database(t) };
  const server = await witnessedServer(t, {
    ...shared,
    witness: { mode: 'fail-closed' },
    spec: { export: { kind: 'directory', folder, intervalMs: 5 } },
  });
  const exported = async (): Promise<string> => readFile(path.join(folder, 'checkpoint'), 'utf8').catch(() => '');
  const before = readAnswer(await server.post('the last one'), known);
  await until(async () => (await exported()) === (await server.get('/checkpoint')).body.toString());
  const operator = await witnessedServer(t, {
    ...shared,
    spec: { witness: undefined, hidden: true } as never,
  });
  // Entries that come while it is being frozen are in it, or refused.
  assert.deepEqual(await operator.handle.changeState('v2', 'frozen'), { state: 'frozen', changed: true, size: 1 });
  await until(async () => readNote((await server.get('/checkpoint')).body, known).extensions.length === 1);
  const last = readNote((await server.get('/checkpoint')).body, known);
  assert.deepEqual([last.size, Buffer.from(last.root), last.by], [1, Buffer.from(before.root), ['w']]);
  assert.deepEqual(last.lines, ['log.example.com', 'w.example/w']);
  assert.match(last.extensions[0] ?? '', /^Log frozen \u2014 /);
  assert.equal((await server.post('too late')).status, 405);
  await until(async () => (await exported()) === (await server.get('/checkpoint')).body.toString());
  const count = known[0]!.asked.length;
  // Both checks read notes with lines of others: the log's own is verified, the others are passed over.
  const report = await server.handle.fsck('v2');
  assert.deepEqual([report.problems, report.complete, report.size], [[], true, 1]);
  const published = await fsckPublished({ from: { folder }, key: pem(server) });
  assert.deepEqual([published.outcome, published.problems, published.signature], ['ok', [], 'verified']);
  assert.equal(known[0]!.asked.length, count);
});

function pem(_server: WitnessedServer): string {
  const base64 = Buffer.from(signer.spki).toString('base64');
  assert.equal(sha256(signer.spki).length, 32);
  return `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`;
}
