import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatAddCheckpointRequest, formatNote, signatureLine } from '@sigstead/formats';
import { leaves, logKey, proofOf, rootOf, TestLog } from '@sigstead/test';
import { type Answer, type Running, runWitness } from './support/run-witness.ts';
import { World } from './support/world.ts';

const ORIGIN = 'log.example/one';
/** Every status that the specification has, and 503 for what we cannot do now. */
const STATUSES = new Set([200, 400, 403, 404, 409, 422, 503]);

function calm(answer: Answer): void {
  assert.ok(STATUSES.has(answer.status), String(answer.status));
  assert.doesNotMatch(answer.body, /\bat \S+:\d+|node:|Error/);
}

/** What a log with the size 5 cosigned may ask next. */
async function atFive(t: Parameters<typeof runWitness>[0]): Promise<{ log: TestLog; witness: Running; good: Buffer }> {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  assert.equal((await witness.add(log.request(0, leaves(5)))).status, 200);
  return { log, witness, good: log.request(5, leaves(9)) };
}

test('a request with any one byte changed, added or cut is refused or the same to the log', async (t) => {
  const { log, witness, good } = await atFive(t);
  const change = fc.record({
    at: fc.nat(good.length),
    cut: fc.nat(2),
    put: fc.uint8Array({ maxLength: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(change, async ({ at, cut, put }) => {
      const body = Buffer.concat([good.subarray(0, at), put, good.subarray(at + cut)]);
      const answer = await witness.add(body);
      calm(answer);
      if (answer.status === 200) assert.deepEqual(body, good);
    }),
    { numRuns: 150 },
  );
  assert.ok([200, 409].includes((await witness.add(log.request(5, leaves(9)))).status));
});

test('bytes at random are refused', async (t) => {
  const { witness } = await atFive(t);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const answer = await witness.add(bytes);
      calm(answer);
      assert.equal(answer.status, 400);
    }),
    { numRuns: 100 },
  );
});

test('notes that mean to confuse: none is cosigned but what the log has signed, as it has signed it', async (t) => {
  const { log, witness } = await atFive(t);
  const text = log.text(leaves(9));
  const line = log.key.line(text);
  const proof = proofOf(5, leaves(9));
  const [keyHash] = [log.key.vkey.keyHash];
  const ask = (note: string): Promise<Answer> =>
    witness.add(Buffer.from(formatAddCheckpointRequest({ oldSize: 5, proof, note })));
  const strangers = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => signatureLine(`s${index}`, Buffer.alloc(4), Buffer.alloc(64)));
  const otherOrigin = text.replace(ORIGIN, 'log.example/two');
  const twice = `${text}${text}`;
  const cases: [string, string, number][] = [
    ['signed under the origin of another log', formatNote(otherOrigin, [log.key.line(otherOrigin)]), 404],
    ['the text twice: extension lines', formatNote(twice, [log.key.line(text)]), 403],
    ['a blank line in the text', `${text}\nmore\n\n${line}`, 400],
    ['the signature of the text without its last line end', formatNote(text, [log.key.line(text.slice(0, -1))]), 403],
    ['the key id alone', formatNote(text, [signatureLine(ORIGIN, keyHash, Buffer.of(0))]), 403],
    ['101 signatures', `${text}\n${strangers(100).join('')}${line}`, 400],
    [
      '100 bad lines of the known key',
      formatNote(text, [line, ...Array<string>(99).fill(log.key.line(otherOrigin))]),
      403,
    ],
    ['an extension line of 5 kB', log.note(log.head({ size: 9, root: rootOf(leaves(9)) }, ['x'.repeat(5000)])), 400],
    ['99 lines in our own name', formatNote(text, [line, ...ownFakes(witness, 99)]), 200],
    ['a namesake before', formatNote(text, [logKey(ORIGIN, 'ed25519').line(text), ...strangers(98), line]), 409],
  ];
  for (const [what, note, status] of cases) assert.equal((await ask(note)).status, status, what);
});

test('many at once: each log is cosigned one after the other, and too many are told so', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  const asked = Array.from({ length: 80 }, (_, index) => witness.add(log.request(0, leaves(index + 1))));
  const answers = await Promise.all(asked);
  for (const answer of answers) calm(answer);
  assert.equal(answers.filter(({ status }) => status === 200).length, 1, 'one is the first');
  const others = answers.filter(({ status }) => status !== 200);
  assert.ok(others.every(({ status }) => status === 409 || status === 503));
  for (const { headers, status } of others) if (status === 503) assert.equal(headers['retry-after'], '1');
});

test('more than can wait for one log are told to come again', async () => {
  const log = new TestLog(ORIGIN);
  const world = new World(log);
  await world.init();
  const outcomes = await Promise.all(Array.from({ length: 40 }, () => world.ask(log.request(0, leaves(3)))));
  const kinds = outcomes.map((outcome) => (outcome.kind === 'outage' ? outcome.code : outcome.kind));
  assert.equal(kinds.filter((kind) => kind === 'cosigned').length, 1);
  assert.equal(kinds.filter((kind) => kind === 'refused').length, 15);
  assert.equal(kinds.filter((kind) => kind === 'busy').length, 24);
});

test('while as many requests are open as may be, others are refused at once', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec], maxOpen: 2 });
  const open = [connect(witness.port, '127.0.0.1'), connect(witness.port, '127.0.0.1')];
  t.after(() => open.forEach((socket) => socket.destroy()));
  const ended = open.map(endOf);
  for (const socket of open) socket.write('POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n');
  let answer = await witness.add(log.request(1, leaves(1)));
  // The heads may still be on their way.
  while (answer.status !== 503) answer = await witness.add(log.request(1, leaves(1)));
  assert.deepEqual([answer.body, answer.headers['retry-after']], ['busy\n', '1']);
  // The server's time for slow senders is up: there is room again.
  await Promise.all(ended);
  assert.equal((await witness.add(log.request(0, leaves(1)))).status, 200);
});

test('who sends slowly is cut off, and nobody waits for it', async (t) => {
  const { log, witness } = await atFive(t);
  const head = `POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nold 5\n`;
  const slow = Array.from({ length: 50 }, () => connect(witness.port, '127.0.0.1'));
  t.after(() => slow.forEach((socket) => socket.destroy()));
  const ended = slow.map(endOf);
  for (const socket of slow) socket.write(head);
  assert.equal((await witness.add(log.request(5, leaves(9)))).status, 200);
  for (const text of await Promise.all(ended)) assert.match(text, /^HTTP\/1\.1 408 /);
});

test('a body that is announced too long is refused before it is sent', async (t) => {
  const { witness } = await atFive(t);
  const socket = connect(witness.port, '127.0.0.1');
  t.after(() => socket.destroy());
  const ended = endOf(socket);
  socket.write('POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n');
  assert.match(await ended, /^HTTP\/1\.1 400 /);
});

function ownFakes({ verifier }: Running, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    signatureLine(verifier.name, verifier.keyHash, Buffer.alloc(72, index + 1)),
  );
}

/** All that comes until the other side ends the connection. */
function endOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.once('error', reject);
    socket.once('end', () => resolve(text));
  });
}
