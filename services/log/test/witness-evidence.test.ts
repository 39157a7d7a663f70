import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { TLOG_SIZE_TYPE } from '@sigstead/formats';
import { createLogger } from '@sigstead/platform';
import type { TestDatabase } from '@sigstead/test';
import { rekorV2Personality } from '../src/core/rekor-v2/personality.ts';
import { database, readAnswer, signer, until, witnessedServer, witnesses } from './support/witnessed-log.ts';

const personality = rekorV2Personality({ origin: 'log.example.com', signer });
const fork = (size: number): Promise<Uint8Array> =>
  personality.signHead({ size, root: Buffer.alloc(32, 7), timestampMs: 1 });

const CONTRADICTIONS = [
  ['422 to a proof from what it knows', 1, { status: 422, body: 'no\n' }, /does not lead to that of 2/],
  [
    '409 with a size beyond the log',
    1,
    { status: 409, contentType: TLOG_SIZE_TYPE, body: '1000\n' },
    /claims size 1000/,
  ],
  ['409 for the same size', 0, { status: 409, body: 'no\n' }, /another tree of 1 entries/],
  ['422 for the same size', 0, { status: 422, body: 'no\n' }, /does not lead to that of 1/],
] as const;

for (const [what, posts, reply, said] of CONTRADICTIONS) {
  test(`F66: ${what} is evidence: a loud line, a metric, a row that keeps it; but a witness's word never stops the log`, async (t) => {
    const [w, good] = await witnesses(t, 'w', 'good');
    const shared = { database: await database(t), witnesses: [w!, good!] };
    const lines: string[] = [];
    const logger = createLogger({ service: 't', level: 'error', stream: { write: (line) => lines.push(line) } });
    const server = await witnessedServer(t, {
      ...shared,
      quorum: ['group both all w good', 'quorum both'],
      witness: { timeoutMs: 1_000 },
      log: { logger },
    });
    readAnswer(await server.post('one'), [w!, good!]);
    w!.behave = () => reply;
    if (posts > 0) assert.equal(readAnswer(await server.post('two'), [w!, good!]).size, 2);
    else await freeze(t, shared.database);
    const rows = async (): Promise<{ witness: string; detail: string; answer: Buffer }[]> =>
      (await shared.database.pool().query('select witness, detail, answer from log.witness_evidence')).rows;
    await until(async () => (await rows()).length > 0);
    const [row] = await rows();
    assert.equal(row?.witness, 'w');
    assert.match(row?.detail ?? '', said);
    assert.equal(row?.answer.toString(), reply.body);
    assert.ok(((await server.metric('sigstead_log_witness_evidence_total', { log: 'v2', witness: 'w' })) ?? 0) > 0);
    assert.equal(lines.filter((line) => line.includes('a witness contradicts this log')).length, 1);
    assert.equal(server.handle.stats()[0]?.haltedBy, undefined);
    await assert.rejects(shared.database.pool().query('delete from log.witness_evidence'), /append-only/);
  });
}

/** One more checkpoint of the same size. */
async function freeze(t: TestContext, to: TestDatabase): Promise<void> {
  const hidden = { witness: undefined, hidden: true } as never;
  const operator = await witnessedServer(t, { database: to, witnesses: [], quorum: 'quorum none', spec: hidden });
  await operator.handle.changeState('v2', 'frozen');
}

test('F66: evidence that carries our own signature over another tree stops the log; what is shown stays', async (t) => {
  for (const [size, what] of [
    [1, 'another tree'],
    [9, 'a larger tree'],
  ] as const) {
    const [w] = await witnesses(t, 'w');
    const server = await witnessedServer(t, {
      witnesses: [w!],
      quorum: 'quorum w',
      witness: { timeoutMs: 500, waitMs: 600 },
    });
    readAnswer(await server.post('one'), [w!]);
    const shown = (await server.get('/checkpoint')).body;
    const body = await fork(size);
    w!.behave = () => ({ status: 422, body });
    const refused = await server.post('two');
    await until(() => server.handle.stats()[0]?.haltedBy !== undefined);
    assert.match(String(server.handle.stats()[0]?.haltedBy), new RegExp(`has signed ${what}`));
    assert.ok([201, 503].includes(refused.status));
    assert.equal((await server.post('three')).status, 503);
    assert.equal((await server.handle.ready()).ok, false);
    if (refused.status === 503) assert.deepEqual((await server.get('/checkpoint')).body, shown);
  }
});

test('F66: our own signature over what we have, and a stranger over anything, stop nothing', async (t) => {
  const [w] = await witnesses(t, 'w');
  const server = await witnessedServer(t, { witnesses: [w!], quorum: 'quorum w', witness: { timeoutMs: 500 } });
  readAnswer(await server.post('one'), [w!]);
  const own = (await server.get('/checkpoint')).body;
  for (const body of [own, Buffer.from(own.toString().replace('\n1\n', '\n7\n')), Buffer.alloc(60_000, 0x41)]) {
    w!.behave = () => ({ status: 422, body });
    assert.equal((await server.post(`after ${body.length} ${body.toString('latin1', 0, 20)}`)).status, 201);
  }
  await until(async () => ((await server.metric('sigstead_log_witness_evidence_total', { log: 'v2' })) ?? 0) >= 3);
  assert.equal(server.handle.stats()[0]?.haltedBy, undefined);
});
