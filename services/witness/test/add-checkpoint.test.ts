import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import {
  decodeCosignature,
  formatAddCheckpointRequest,
  formatNote,
  parseCosignatureAnswer,
  parseNote,
  parseSignedCheckpoint,
  signatureLine,
  verifierOf,
  verifyNote,
} from '@sigstead/formats';
import { originHash } from '@sigstead/witness';
import { NOW_SEC, type Running, runWitness } from './support/run-witness.ts';
import { leaves, logKey, proofOf, rootOf, TestLog } from '@sigstead/test';

const ORIGIN = 'log.example/one';

const request = (oldSize: number, proof: readonly Uint8Array[], note: string): Buffer =>
  Buffer.from(formatAddCheckpointRequest({ oldSize, proof, note }));

/** Asserts an answer with one valid cosignature over this text, and gives its time. */
function cosignedAt({ verifier }: Running, answer: { status: number; body: string }, text: string): number {
  assert.equal(answer.status, 200, answer.body);
  assert.equal(verifyNote(formatNote(text, [answer.body]), [verifier]).length, 1);
  const [signature, ...more] = parseCosignatureAnswer(answer.body);
  assert.equal(more.length, 0);
  return decodeCosignature(signature?.signature ?? Buffer.alloc(0)).timestampSec;
}

for (const type of ['ed25519', 'ecdsa', 'rfc6962'] as const) {
  test(`a log with a key of type ${type} is cosigned from its first checkpoint on, as it grows`, async (t) => {
    const log = new TestLog(ORIGIN, type);
    const witness = await runWitness(t, { logs: [log.spec] });
    let oldSize = 0;
    for (const size of [1, 2, 3, 7, 8, 9, 100, 1000]) {
      const answer = await witness.add(log.request(oldSize, leaves(size)));
      assert.equal(cosignedAt(witness, answer, log.text(leaves(size))), NOW_SEC);
      assert.equal(answer.type, 'text/plain; charset=utf-8');
      oldSize = size;
    }
  });
}

test('409 holds the size of the latest cosigned checkpoint, in exactly the type of the specification', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  const first = await witness.add(log.request(1, leaves(1)));
  assert.deepEqual([first.status, first.type, first.body], [409, 'text/x.tlog.size', '0\n']);
  await witness.add(log.request(0, leaves(10)));
  for (const oldSize of [0, 1, 9, 11, 12]) {
    const { status, type, body } = await witness.add(log.request(oldSize, leaves(12)));
    assert.deepEqual([status, type, body], [409, 'text/x.tlog.size', '10\n'], String(oldSize));
  }
  // Also where its own size is below: the log learns how far it was cosigned.
  const { status, body } = await witness.add(log.request(3, leaves(5)));
  assert.deepEqual([status, body], [409, '10\n']);
});

test('404 for an origin that is not configured, whatever it is signed with', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  const other = new TestLog('log.example/two');
  assert.equal((await witness.add(other.request(0, leaves(1)))).status, 404);
  const text = other.text(leaves(1));
  assert.equal((await witness.add(request(0, [], formatNote(text, [log.key.line(text)])))).status, 404);
  const none = await runWitness(t, { logs: [] });
  assert.equal((await none.add(log.request(0, leaves(1)))).status, 404);
});

test('403 without a valid signature of a known key, and for any bad line of a known key', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  const text = log.text(leaves(3));
  const good = log.key.line(text);
  const [parsed] = parseNote(log.note(text)).signatures;
  assert.ok(parsed);
  const otherText = log.key.line(log.text(leaves(4)));
  const short = signatureLine(ORIGIN, parsed.keyHash, Buffer.of(1));
  const stranger = logKey(ORIGIN, 'ed25519').line(text);
  const otherName = signatureLine('log.example/two', parsed.keyHash, parsed.signature);
  const refused: [string, string[]][] = [
    ['a signature over another text', [otherText]],
    ['a signature that is too short', [short]],
    ['a key of the same name that is not known', [stranger]],
    ['the right signature under another name', [otherName]],
    ['a bad line after the good one', [good, otherText]],
    ['a bad line before the good one', [short, good]],
  ];
  for (const [what, lines] of refused) {
    assert.equal((await witness.add(request(0, [], formatNote(text, lines)))).status, 403, what);
  }
  const taken: [string, string[]][] = [
    ['twice the same', [good, good]],
    ['strangers beside it', [stranger, otherName, good]],
  ];
  for (const [what, lines] of taken) {
    const oldSize = what === 'twice the same' ? 0 : 3;
    cosignedAt(witness, await witness.add(request(oldSize, [], formatNote(text, lines))), text);
  }
  const shown = await witness.get(`/${originHash(ORIGIN)}/checkpoint`);
  assert.deepEqual(
    parseNote(shown.body).signatures.map(({ name }) => name),
    [ORIGIN, 'witness.example/w1'],
    'only lines that were verified are shown on',
  );
});

test('400 for what is no request, for an old size above the checkpoint’s, and for a body that is too long', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  const good = log.request(0, leaves(3)).toString();
  const bad: [string, string][] = [
    ['nothing', ''],
    ['no old size', good.replace('old 0', 'new 0')],
    ['no checkpoint', 'old 0\n\n'],
    ['no signature', good.slice(0, good.indexOf('\u2014'))],
    ['size with a leading zero', good.replace('\n3\n', '\n03\n')],
    ['size over 2^53', good.replace('\n3\n', '\n9007199254740993\n')],
    ['root of 31 bytes', good.replace(rootOf(leaves(3)).toString('base64'), Buffer.alloc(31).toString('base64'))],
    ['64 hashes', good.replace('old 0\n', `old 0\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}`)],
    ['CR LF', good.replaceAll('\n', '\r\n')],
    ['too long', `${good}${'x'.repeat(200_000)}`],
    ['old size above', log.request(4, leaves(3)).toString()],
  ];
  for (const [what, body] of bad) {
    const answer = await witness.add(Buffer.from(body));
    assert.equal(answer.status, 400, what);
    assert.doesNotMatch(answer.body, /Error|at |\//, what);
  }
});

test('422 for a bad proof, a proof where none may be, and an empty tree with a root', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  const hash = Buffer.alloc(32, 1);
  const note = (count: number, tail?: string): string => log.note(log.text(leaves(count, tail)));
  const emptyWithRoot = log.note(log.head({ size: 0, root: hash }));
  assert.equal((await witness.add(request(0, [], emptyWithRoot))).status, 422, 'empty tree with a root');
  assert.equal((await witness.add(request(0, [hash], note(5)))).status, 422, 'proof from nothing');
  assert.equal((await witness.add(request(0, [hash], note(0)))).status, 422, 'proof from nothing to nothing');
  cosignedAt(witness, await witness.add(request(0, [], note(0))), log.text([]));
  cosignedAt(witness, await witness.add(request(0, [], note(5))), log.text(leaves(5)));
  const good = proofOf(5, leaves(9));
  const bad: [string, Buffer][] = [
    ['no proof', request(5, [], note(9))],
    ['one hash less', request(5, good.slice(1), note(9))],
    ['one hash more', request(5, [...good, hash], note(9))],
    ['another hash', request(5, [hash, ...good.slice(1)], note(9))],
    ['another order', request(5, [...good].reverse(), note(9))],
    ['another tree', request(5, proofOf(5, leaves(9, 'fork')), note(9, 'fork'))],
    ['a proof for the same size', request(5, good, note(5))],
    ['63 hashes', request(5, Array<Uint8Array>(63).fill(hash), note(9))],
  ];
  for (const [what, body] of bad) assert.equal((await witness.add(body)).status, 422, what);
  cosignedAt(witness, await witness.add(request(5, good, note(9))), log.text(leaves(9)));
});

test('422 for another root of the cosigned size: both notes are kept, told, and counted, and the log goes on', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  await witness.add(log.request(0, leaves(5)));
  const forked = request(5, [], log.note(log.text(leaves(5, 'fork'))));
  for (const body of [forked, forked]) assert.equal((await witness.add(body)).status, 422);
  const evidence = path.join(witness.folder, 'logs', originHash(ORIGIN), 'evidence');
  const [name, ...more] = await readdir(evidence);
  assert.equal(more.length, 0, 'the same is kept once');
  const [cosigned, submitted] = await Promise.all(
    ['cosigned', 'submitted'].map((each) => readFile(path.join(evidence, name ?? '', each), 'utf8')),
  );
  const verifier = verifierOf(log.key.vkey);
  for (const note of [cosigned, submitted]) assert.equal(verifyNote(note ?? '', [verifier]).length, 1);
  const roots = [cosigned, submitted].map((note) => parseSignedCheckpoint(note ?? '').checkpoint);
  assert.deepEqual(
    roots.map(({ size }) => size),
    [5, 5],
  );
  assert.notDeepEqual(roots[0]?.root, roots[1]?.root);
  assert.equal(witness.lines.filter((line) => line.includes('"level":"error"')).length, 1);
  assert.match(await witness.metrics.text(), /sigstead_witness_forks_total\{log="log.example\/one"\} 2/);
  cosignedAt(witness, await witness.add(log.request(5, leaves(6))), log.text(leaves(6)));
});

test('a fork at a size that was cosigned before is evidence as well, whatever the request is answered', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  for (const [from, to] of [
    [0, 3],
    [3, 5],
    [5, 9],
  ] as const)
    await witness.add(log.request(from, leaves(to)));
  assert.equal((await witness.add(request(0, [], log.note(log.text(leaves(3, 'fork')))))).status, 409);
  assert.equal((await witness.add(request(9, [], log.note(log.text(leaves(5, 'fork')))))).status, 400);
  const evidence = path.join(witness.folder, 'logs', originHash(ORIGIN), 'evidence');
  assert.deepEqual(
    (await readdir(evidence)).map((name) => Number(name.split('-')[0])).sort((a, b) => a - b),
    [3, 5],
  );
});

test('evidence is bounded: a log with its key cannot fill the disk', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  await witness.add(log.request(0, leaves(2)));
  for (let i = 0; i < 105; i++) {
    assert.equal((await witness.add(request(2, [], log.note(log.text(leaves(2, `fork ${i}`)))))).status, 422);
  }
  const evidence = path.join(witness.folder, 'logs', originHash(ORIGIN), 'evidence');
  assert.equal((await readdir(evidence)).length, 100);
});

test('extension lines are signed, and another note for the same tree is cosigned', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec] });
  await witness.add(log.request(0, leaves(5)));
  const frozen = log.head({ size: 5, root: rootOf(leaves(5)) }, ['Log frozen']);
  cosignedAt(witness, await witness.add(request(5, [], log.note(frozen))), frozen);
  const shown = await witness.get(`/${originHash(ORIGIN)}/checkpoint`);
  assert.equal(parseNote(shown.body).text, frozen);
});

test('a log with two keys is cosigned under either, and only its own origin', async (t) => {
  const log = new TestLog(ORIGIN);
  const second = logKey('old-name', 'ecdsa');
  const witness = await runWitness(t, { logs: [{ origin: ORIGIN, keys: [log.key.vkey, second.vkey] }] });
  const text = log.text(leaves(2));
  cosignedAt(witness, await witness.add(request(0, [], formatNote(text, [second.line(text)]))), text);
  // A tree that is larger: the same once more, within a second, is answered and not kept.
  const grown = log.text(leaves(3));
  const both = formatNote(grown, [second.line(grown), log.key.line(grown)]);
  cosignedAt(witness, await witness.add(request(2, proofOf(2, leaves(3)), both)), grown);
  const shown = await witness.get(`/${originHash(ORIGIN)}/checkpoint`);
  assert.equal(verifyNote(shown.body, [verifierOf(log.key.vkey), verifierOf(second.vkey)]).length, 2);
});

test('the monitoring path shows the latest cosigned note, and 404 before there is one', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec, new TestLog('log.example/two').spec] });
  const at = `/${createHash('sha256').update(ORIGIN).digest('hex')}/checkpoint`;
  assert.equal((await witness.get(at)).status, 404);
  const { body } = await witness.add(log.request(0, leaves(4)));
  const shown = await witness.get(at);
  assert.equal(shown.status, 200);
  assert.equal(shown.type, 'text/plain; charset=utf-8');
  assert.equal(shown.body, `${log.note(log.text(leaves(4)))}${body}`);
  for (const other of [
    at.toUpperCase(),
    at.replace('checkpoint', 'x'),
    `/${'0'.repeat(64)}/checkpoint`,
    '/x/checkpoint',
    '/..%2f/checkpoint',
    `/${originHash('log.example/two')}/checkpoint`,
  ]) {
    assert.equal((await witness.get(other)).status, 404, other);
  }
  const { status, headers } = await witness.send('DELETE', at);
  assert.deepEqual([status, headers['allow']], [405, 'GET, HEAD']);
  assert.equal((await witness.send('GET', '/add-checkpoint')).status, 405);
  assert.equal((await witness.send('HEAD', at)).status, 200);
});

test('both prefixes may be below a path', async (t) => {
  const log = new TestLog(ORIGIN);
  const witness = await runWitness(t, { logs: [log.spec], prefix: '/w1' });
  assert.equal((await witness.send('POST', '/w1/add-checkpoint', log.request(0, leaves(1)))).status, 200);
  assert.equal((await witness.get(`/w1/${originHash(ORIGIN)}/checkpoint`)).status, 200);
  assert.equal((await witness.add(log.request(0, leaves(1)))).status, 404);
});
