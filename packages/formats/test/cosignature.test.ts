import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  cosignatureLine,
  cosignatureMessage,
  cosignatureVerifier,
  decodeCosignature,
  encodeCosignature,
  formatCheckpointBody,
  formatNote,
  formatVerifierKey,
  parseNote,
  parseVerifierKey,
  publicKeyFromSpki,
  signatureLine,
  verifierKey,
  verifierOf,
  verifyNote,
} from '../src/index.ts';
import { CHECKPOINT, lineOf, testKey } from './support/note-keys.ts';

const NAME = 'witness.example/w1';
const BODY = formatCheckpointBody(CHECKPOINT);
const pair = generateKeyPairSync('ed25519');
const key = publicKeyFromSpki(pair.publicKey.export({ format: 'der', type: 'spki' }));

function cosign(text: string, timestampSec: number): string {
  const signature = sign(null, cosignatureMessage(text, timestampSec), pair.privateKey);
  return cosignatureLine(NAME, key, { timestampSec, signature });
}

test('the cosigned message is header, time and the whole text of the note', () => {
  const text = `${BODY}extension\n`;
  assert.equal(String(cosignatureMessage(text, 1_679_315_147)), `cosignature/v1\ntime 1679315147\n${text}`);
  for (const bad of ['', 'a\n', 'cosignature\n', BODY.slice(0, -1)]) {
    assert.throws(() => cosignatureMessage(bad, 1), { code: 'checkpoint_malformed' }, JSON.stringify(bad));
  }
});

test('the cosignature of the specification has the published form', () => {
  // The key of this example is not published; its key id, time and length are.
  const line =
    '— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n';
  const [signature] = parseNote(`a\n\n${line}`).signatures;
  assert.ok(signature);
  const decoded = decodeCosignature(signature.signature);
  assert.equal(decoded.timestampSec, 1_679_315_147);
  assert.equal(signatureLine(signature.name, signature.keyHash, encodeCosignature(decoded)), line);
});

test('a cosignature of today verifies, and nothing else does in its place', () => {
  const log = testKey('ed25519');
  const line = cosign(BODY, 1_700_000_000);
  const note = formatNote(BODY, [lineOf('log.example/a', log, BODY), line]);
  const verifiers = [cosignatureVerifier(NAME, key)];
  assert.equal(verifyNote(note, verifiers).length, 1);
  const vkey = formatVerifierKey(verifierKey(NAME, 'cosignature-v1', key));
  assert.equal(verifyNote(note, [verifierOf(parseVerifierKey(vkey))]).length, 1);

  const { signature, keyHash } = parseNote(note).signatures[1] ?? assert.fail();
  const { timestampSec, signature: bare } = decodeCosignature(signature);
  const changed: [string, string][] = [
    ['other size', note.replace('\n42\n', '\n43\n')],
    ['other origin', note.replace('log.example/a\n', 'log.example/b\n')],
    ['extension added', note.replace('\n\n', '\nmore\n\n')],
    ['other time', formatNote(BODY, [cosignatureLine(NAME, key, { timestampSec: timestampSec + 1, signature: bare })])],
    ['bare Ed25519 signature', formatNote(BODY, [signatureLine(NAME, keyHash, bare)])],
    ['one byte more', formatNote(BODY, [signatureLine(NAME, keyHash, Buffer.concat([signature, Buffer.of(0)]))])],
    ['no checkpoint', formatNote('text\n', [line])],
    [
      'signed as a plain note',
      formatNote(BODY, [signatureLine(NAME, keyHash, sign(null, Buffer.from(BODY), pair.privateKey))]),
    ],
  ];
  for (const [what, text] of changed) {
    assert.throws(() => verifyNote(text, verifiers), { code: 'note_signature_invalid' }, what);
  }
});

test('a time of zero, one beyond exact numbers and a signature of another length are refused', () => {
  const zero = Buffer.alloc(72, 1).fill(0, 0, 8);
  const endless = Buffer.alloc(72, 0xff);
  for (const bytes of [zero, endless, Buffer.alloc(71, 1), Buffer.alloc(0)]) {
    assert.throws(() => decodeCosignature(bytes), { code: 'cosignature_malformed' });
  }
  for (const timestampSec of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    assert.throws(
      () => cosignatureMessage(BODY, timestampSec),
      { code: 'cosignature_malformed' },
      String(timestampSec),
    );
  }
  assert.throws(() => encodeCosignature({ timestampSec: 1, signature: Buffer.alloc(63) }), {
    code: 'cosignature_malformed',
  });
  assert.throws(() => cosignatureVerifier(NAME, testKey('ec').key), { code: 'key_unparsable' });
  assert.throws(() => cosignatureVerifier('a b', key), { code: 'note_name_invalid' });
});

test('every time and signature is read back as it was written', () => {
  const cosignature = fc.record({
    timestampSec: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  });
  fc.assert(
    fc.property(cosignature, (each) => {
      const read = decodeCosignature(encodeCosignature(each));
      assert.equal(read.timestampSec, each.timestampSec);
      assert.deepEqual(Uint8Array.from(read.signature), each.signature);
    }),
  );
});
