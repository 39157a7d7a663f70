import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { TLOG_SIZE_TYPE } from '@sigstead/formats';
import type { Behaviour } from './support/fake-witness.ts';
import { readAnswer, readNote, until, witnessedServer, witnesses } from './support/witnessed-log.ts';

test('F66: every answer and checkpoint carries the quorum, the log first, then the witnesses in the order of the policy', async (t) => {
  const known = await witnesses(t, 'w1', 'w2', 'w3');
  const server = await witnessedServer(t, { witnesses: known, quorum: ['group all3 all w3 w1 w2', 'quorum all3'] });
  for (let size = 1; size <= 3; size++) {
    const answer = readAnswer(await server.post(`message ${size}`), known);
    assert.deepEqual([answer.size, answer.index, answer.by], [size, size - 1, ['w1', 'w2', 'w3']]);
    assert.deepEqual(answer.lines, ['log.example.com', 'w1.example/w', 'w2.example/w', 'w3.example/w']);
    for (const path of ['/checkpoint', '/api/v2/checkpoint']) {
      const { body, status } = await server.get(path);
      assert.equal(status, 200);
      const note = readNote(body, known);
      assert.deepEqual([note.size, note.by], [size, ['w1', 'w2', 'w3']]);
    }
  }
  // A duplicate: under the checkpoint that is shown, too.
  const again = readAnswer(await server.post('message 1'), known);
  assert.deepEqual([again.size, again.index, again.by], [3, 0, ['w1', 'w2', 'w3']]);
  const report = await server.handle.fsck('v2');
  assert.deepEqual([report.problems, report.size, report.complete], [[], 3, true]);
});

test('F67: a fresh log asks from 0 without a proof, then from what each witness knows; one set back or emptied says its size and gets a proof from there', async (t) => {
  const [w] = await witnesses(t, 'w');
  const server = await witnessedServer(t, { witnesses: [w!], quorum: 'quorum w' });
  await server.post('one');
  const first = w!.asked.find(({ checkpoint }) => checkpoint.size === 1);
  assert.deepEqual([first?.oldSize, first?.proof], [0, []]);
  await server.post('two');
  await server.post('three');
  const state = { size: w!.size, root: w!.root };
  for (const message of ['four', 'five', 'six']) readAnswer(await server.post(message), [w!]);
  assert.deepEqual(
    w!.asked.slice(-3).map(({ oldSize, checkpoint }) => [oldSize, checkpoint.size]),
    [
      [3, 4],
      [4, 5],
      [5, 6],
    ],
  );
  Object.assign(w!, state);
  assert.deepEqual(readAnswer(await server.post('seven'), [w!]).by, ['w']);
  assert.deepEqual(
    w!.asked.slice(-2).map(({ oldSize, checkpoint }) => [oldSize, checkpoint.size]),
    [
      [6, 7],
      [3, 7],
    ],
  );
  Object.assign(w!, { size: 0, root: new Uint8Array(32) });
  assert.deepEqual(readAnswer(await server.post('eight'), [w!]).by, ['w']);
  assert.deepEqual([w!.asked.at(-1)?.oldSize, w!.asked.at(-1)?.proof], [0, []]);
  // Nothing new: nobody is asked.
  const count = w!.asked.length;
  await server.get('/checkpoint');
  assert.equal(w!.asked.length, count);
});

const wrongKey = generateKeyPairSync('ed25519').privateKey;
const DAY = 86_400;
const nowSec = (): number => Math.floor(Date.now() / 1000);

/** What a witness does instead of cosigning, and the reason that the operator is told. */
const BAD: [what: string, reason: string, tries: number, behave: (w: { cosign: CosignFunction }) => Behaviour][] = [
  ['403', 'log_key', 1, () => () => ({ status: 403, body: 'no\n' })],
  ['404', 'unknown_log', 1, () => () => ({ status: 404, body: 'no\n' })],
  ['400', 'refused', 1, () => () => ({ status: 400, body: 'no\n' })],
  ['500', 'server_error', 3, () => () => ({ status: 500, body: 'oh\n' })],
  ['429', 'server_error', 3, () => () => ({ status: 429, body: 'slowly\n' })],
  ['422 to the first it ever saw', 'refused', 1, () => () => ({ status: 422, body: 'no\n' })],
  ['a redirect', 'redirect', 1, () => redirected],
  ['200 with nothing', 'malformed', 1, () => () => ({ status: 200, body: '' })],
  ['200 with garbage', 'malformed', 1, () => () => ({ status: 200, body: '\u2014 w.example/w !!!\n' })],
  ['200 in no encoding', 'malformed', 1, () => () => ({ status: 200, body: Buffer.of(0xe2, 0x80, 0x0a) })],
  [
    'a line without its end',
    'malformed',
    1,
    (w) =>
      ({ note }) => ({ status: 200, body: w.cosign(note.text).trimEnd() }),
  ],
  [
    'a hundred lines',
    'malformed',
    1,
    (w) =>
      ({ note }) => ({ status: 200, body: w.cosign(note.text).repeat(100) }),
  ],
  [
    'another key under its name',
    'bad_signature',
    1,
    (w) =>
      ({ note }) => ({ status: 200, body: w.cosign(note.text, nowSec(), wrongKey) }),
  ],
  [
    'a cosignature of another text',
    'bad_signature',
    1,
    (w) => () => ({ status: 200, body: w.cosign(`log.example.com\n9\n${'A'.repeat(43)}=\n`) }),
  ],
  [
    'a cosignature of yesterday',
    'bad_time',
    1,
    (w) =>
      ({ note }) => ({ status: 200, body: w.cosign(note.text, nowSec() - DAY) }),
  ],
  [
    'a cosignature of tomorrow',
    'bad_time',
    1,
    (w) =>
      ({ note }) => ({ status: 200, body: w.cosign(note.text, nowSec() + DAY) }),
  ],
  ['409 with no number', 'malformed', 1, () => () => ({ status: 409, contentType: TLOG_SIZE_TYPE, body: 'many\n' })],
  ['409 without a size', 'malformed', 1, () => () => ({ status: 409, body: 'no\n' })],
  ['409 with another size each time', 'malformed', 3, () => fickle()],
  ['an endless answer', 'too_large', 1, () => endless],
  ['no answer', 'timeout', 1, () => () => 'hang'],
  ['an answer drop by drop', 'timeout', 1, () => dripping],
  ['a connection that breaks', 'unreachable', 3, () => broken],
];

type CosignFunction = (text: string, timestampSec?: number, key?: typeof wrongKey) => string;

const redirected: Behaviour = (_asked, response) => {
  response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end();
  return 'hang';
};
const endless: Behaviour = (_asked, response) => {
  response.writeHead(200);
  const more = (): void => {
    while (!response.destroyed && response.write('\u2014 x.example/w AAAAAAAA\n'.repeat(1000)));
  };
  response.on('drain', more);
  more();
  return 'hang';
};
const dripping: Behaviour = (_asked, response) => {
  response.writeHead(200);
  const timer = setInterval(() => response.write('\u2014'), 20);
  response.once('close', () => clearInterval(timer));
  return 'hang';
};
const broken: Behaviour = (_asked, response) => {
  response.destroy();
  return 'hang';
};
function fickle(): Behaviour {
  let said = 0;
  return () => ({ status: 409, contentType: TLOG_SIZE_TYPE, body: `${1 - (said++ % 2)}\n` });
}

test('F66: whatever a witness does instead of cosigning counts for nothing: it is tried at most thrice, its reason is told, and another is enough', async (t) => {
  const [w, good] = await witnesses(t, 'w', 'good');
  const server = await witnessedServer(t, {
    witnesses: [w!, good!],
    quorum: ['group one any w good', 'quorum one'],
    witness: { timeoutMs: 1_000, mode: 'fail-closed' },
  });
  w!.behave = () => ({ status: 404, body: 'no' });
  await server.get('/checkpoint');
  for (const [i, [what, reason, tries, behave]] of BAD.entries()) {
    w!.behave = behave({ cosign: (...args) => w!.cosign(...args) });
    const asked = { log: 'v2', witness: 'w', result: reason };
    const count = async (): Promise<number> =>
      (await server.metric('sigstead_log_witness_questions_total', asked)) ?? 0;
    const before = await count();
    const answer = readAnswer(await server.post(what), [w!, good!]);
    assert.deepEqual([answer.index, answer.size, answer.by], [i, i + 1, ['good']], what);
    await until(async () => (await count()) > before);
    assert.equal(w!.asked.filter(({ checkpoint }) => checkpoint.size === i + 1).length, tries, what);
    assert.ok(w!.asked.every(({ atOnce }) => atOnce === 1));
    assert.equal((await server.handle.ready()).ok, true, what);
    assert.equal(server.handle.stats()[0]?.haltedBy, undefined, what);
  }
  w!.behave = () => 'honest';
  good!.behave = () => ({ status: 404, body: 'no' });
  assert.deepEqual(readAnswer(await server.post('at last'), [w!, good!]).by, ['w']);
});

test('F66: unknown lines and further ones of the witness beside its cosignature are left out of the note', async (t) => {
  const [w, other] = await witnesses(t, 'w', 'other');
  w!.behave = ({ note }) => {
    const reply = w!.honest(w!.asked.at(-1)!);
    if (reply.status !== 200) return reply;
    const unknown = '\u2014 who.example/knows AAAAAAAAAAAAAAAA\n';
    return {
      status: 200,
      body: `${unknown}${other!.cosign(note.text)}${String(reply.body)}${w!.cosign(note.text, 1)}${unknown}`,
    };
  };
  const server = await witnessedServer(t, { witnesses: [w!], quorum: 'quorum w', witness: { mode: 'fail-closed' } });
  assert.deepEqual(readAnswer(await server.post('one'), [w!]).lines, ['log.example.com', 'w.example/w']);
});
