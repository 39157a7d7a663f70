import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Checkpoint,
  formatCheckpointBody,
  formatNote,
  noteKeyHash,
  noteVerifier,
  type ParsedKey,
  parseCheckpoint,
  parseSignedCheckpoint,
  publicKeyFromSpki,
  verifyNote,
} from '../src/index.ts';
import { RECORDED } from './support/recorded.ts';
import { CHECKPOINT, lineOf, ROOT, testKey } from './support/note-keys.ts';

const recordedKey = (name: string): ParsedKey => {
  const pem = readFileSync(new URL(`keys/${name}`, RECORDED));
  return publicKeyFromSpki(createPublicKey(pem).export({ format: 'der', type: 'spki' }));
};

test('tile check 10: every checkpoint that rekor-tiles sent verifies with its key, and with the id it put in logId', () => {
  const verifier = noteVerifier('localhost', recordedKey('rekor.pub'));
  const path = new URL('../../../test/vectors/recorded/rekor2.jsonl', import.meta.url);
  let count = 0;
  for (const line of readFileSync(path, 'utf8').trim().split('\n')) {
    const { response } = JSON.parse(line) as { response: { status: number; body?: string } };
    if (response.status !== 201) continue;
    const entry = JSON.parse(response.body ?? '') as {
      logId: { keyId: string };
      inclusionProof: { treeSize: string; rootHash: string; checkpoint: { envelope: string } };
    };
    const { envelope } = entry.inclusionProof.checkpoint;
    assert.equal(verifyNote(envelope, [verifier]).length, 1);
    const { checkpoint } = parseSignedCheckpoint(envelope);
    assert.equal(String(checkpoint.size), entry.inclusionProof.treeSize);
    assert.equal(Buffer.from(checkpoint.root).toString('base64'), entry.inclusionProof.rootHash);
    assert.equal(Buffer.from(noteKeyHash('localhost', recordedKey('rekor.pub'))).toString('base64'), entry.logId.keyId);
    count++;
  }
  assert.ok(count >= 40, String(count));
});

test('tile check 11: checkpoints round-trip', () => {
  const line = fc
    .string({ minLength: 1, maxLength: 40 })
    .filter((each) => !/[\p{Cc}]/u.test(each) && each.isWellFormed());
  const checkpoints = fc.record({
    origin: line,
    size: fc.maxSafeNat(),
    root: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    extensions: fc.array(line, { maxLength: 4 }),
  });
  fc.assert(
    fc.property(checkpoints, (checkpoint) => {
      const read = parseCheckpoint(formatCheckpointBody(checkpoint));
      assert.deepEqual({ ...read, root: new Uint8Array(read.root) }, { ...checkpoint });
    }),
  );
});

test('tile check 11: malformed checkpoint texts are refused', () => {
  const root = ROOT.toString('base64');
  const bad: [string, string][] = [
    ['no final line end', `o\n1\n${root}`],
    ['CR LF', `o\r\n1\r\n${root}\r\n`],
    ['two lines', 'o\n1\n'],
    ['empty', ''],
    ['one line end', '\n'],
    ['empty origin', `\n1\n${root}\n`],
    ['leading zero', `o\n01\n${root}\n`],
    ['plus sign', `o\n+1\n${root}\n`],
    ['minus sign', `o\n-1\n${root}\n`],
    ['hexadecimal', `o\n0x1\n${root}\n`],
    ['space in size', `o\n1 \n${root}\n`],
    ['beyond safe integers', `o\n9007199254740992\n${root}\n`],
    ['full-width digit', `o\n\uff11\n${root}\n`],
    ['empty size', `o\n\n${root}\n`],
    ['root of 31 bytes', `o\n1\n${Buffer.alloc(31).toString('base64')}\n`],
    ['root of 33 bytes', `o\n1\n${Buffer.alloc(33).toString('base64')}\n`],
    ['root unpadded', `o\n1\n${root.replace('=', '')}\n`],
    ['root with other unused bits', `o\n1\n${root.replace(/.=$/, 'd=')}\n`],
    ['empty extension line', `o\n1\n${root}\n\n`],
    ['empty extension line before another', `o\n1\n${root}\n\nx\n`],
    ['tab in extension', `o\n1\n${root}\na\tb\n`],
  ];
  for (const [name, body] of bad) assert.throws(() => parseCheckpoint(body), { code: 'checkpoint_malformed' }, name);
  assert.equal(parseCheckpoint(`o - 123\n0\n${root}\n`).origin, 'o - 123');
});

test('checkpoints that could not be read back are never written', () => {
  const bad: Partial<Checkpoint>[] = [
    { origin: '' },
    { origin: 'a\nb' },
    { origin: 'a\u0000' },
    { origin: '\ud800' },
    { size: -1 },
    { size: 1.5 },
    { size: 2 ** 53 },
    { size: Number.NaN },
    { root: Buffer.alloc(31) },
    { extensions: [''] },
    { extensions: ['a\nb'] },
  ];
  for (const change of bad) {
    assert.throws(
      () => formatCheckpointBody({ ...CHECKPOINT, ...change }),
      { code: 'checkpoint_malformed' },
      JSON.stringify(change),
    );
  }
});

test('tile check 11: a checkpoint followed by two blank lines is no checkpoint', () => {
  const signer = testKey('ed25519');
  const body = `${formatCheckpointBody(CHECKPOINT)}\n`;
  const note = formatNote(body, [lineOf('log', signer, body)]);
  assert.throws(() => parseSignedCheckpoint(note), { code: 'checkpoint_malformed' });
});
