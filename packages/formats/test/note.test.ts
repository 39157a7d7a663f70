import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import {
  ctNoteKeyHash,
  ctNoteVerifier,
  ctDigitallySigned,
  encodeCtNoteSignature,
  FormatError,
  formatCheckpointBody,
  formatNote,
  isNoteName,
  type NoteVerifier,
  noteKeyHash,
  noteVerifier,
  type ParsedKey,
  parseNote,
  publicKeyFromSpki,
  signatureLine,
  sthSignatureInput,
  verifyNote,
} from '../src/index.ts';
import { CHECKPOINT, lineOf, testKey } from './support/note-keys.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const ed25519Key = (raw: string): ParsedKey =>
  publicKeyFromSpki(Buffer.concat([ED25519_PREFIX, Buffer.from(raw, 'hex')]));

test('tile check 10: key ids of Ed25519 keys reproduce the published ones', () => {
  const unit = ed25519Key('444bc9c8d6468d7e81dc3008b83dc14e0f6b230574d0663c5e0e4553e2050d44');
  assert.equal(hex(noteKeyHash('testkey', unit)), 'e4de82e34c8c270d87612a3d6a1e297e2cd0ed9cb89ea7aeec8ce4d0b54e6775');
  assert.notEqual(hex(noteKeyHash('testkey2', unit)), hex(noteKeyHash('testkey', unit)));
});

test('tile check 10: key ids: the name enters those of Ed25519 and RSA, not those of ECDSA', () => {
  const ec = testKey('ec').key;
  assert.equal(hex(noteKeyHash('a', ec)), createHash('sha256').update(ec.spki).digest('hex'));
  assert.equal(hex(noteKeyHash('a', ec)), hex(noteKeyHash('b', ec)));
  const rsa = testKey('rsa').key;
  const expected = createHash('sha256')
    .update('a\n')
    .update(Buffer.of(0xff))
    .update('PKIX-RSA-PKCS#1v1.5')
    .update(rsa.spki);
  assert.equal(hex(noteKeyHash('a', rsa)), expected.digest('hex'));
  assert.notEqual(hex(noteKeyHash('a', rsa)), hex(noteKeyHash('b', rsa)));
  const x25519 = publicKeyFromSpki(generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' }));
  assert.throws(() => noteKeyHash('a', x25519), { code: 'key_unparsable' });
  assert.throws(() => noteKeyHash('a b', ec), { code: 'note_name_invalid' });
});

test('a note is read back as it was written, text with blank lines included', () => {
  const signer = testKey('ed25519');
  for (const text of ['a\n', 'a\n\nb\n', 'a\n\n', formatCheckpointBody(CHECKPOINT)]) {
    const note = formatNote(text, [lineOf('log', signer, text), lineOf('log2', signer, text)]);
    const read = parseNote(note);
    assert.equal(read.text, text);
    assert.deepEqual(
      read.signatures.map(({ name }) => name),
      ['log', 'log2'],
    );
    assert.equal(verifyNote(note, [noteVerifier('log', signer.key)]).length, 1);
  }
});

test('tile check 11: malformed notes are refused', () => {
  const good = `a\n\n\u2014 log ${Buffer.alloc(10, 1).toString('base64')}\n`;
  assert.equal(parseNote(good).signatures.length, 1);
  const bad: [string, string][] = [
    ['no final line end', good.slice(0, -1)],
    ['CR LF', good.replaceAll('\n', '\r\n')],
    ['no blank line', good.replace('\n\n', '\n')],
    ['no text', good.slice(1)],
    ['control character', good.replace('a', 'a\u0007')],
    ['NUL', good.replace('a', '\u0000')],
    ['hyphen for dash', good.replace('\u2014', '-')],
    ['no space after dash', good.replace('\u2014 ', '\u2014')],
    ['two spaces', good.replace('log ', 'log  ')],
    ['name with plus', good.replace('log', 'lo+g')],
    ['name with no-break space', good.replace('log', 'lo\u00a0g')],
    ['name with next line', good.replace('log', 'lo\u0085g')],
    ['empty name', good.replace('log', '')],
    ['third part', good.replace('=\n', '= x\n')],
    ['not base64', good.replace('=\n', '!\n')],
    ['key hash only', `a\n\n\u2014 log ${Buffer.alloc(4).toString('base64')}\n`],
    ['line that is no signature', `${good}x\n`],
    ['101 signatures', `a\n\n${good.slice(3).repeat(101)}`],
    ['lone surrogate', good.replace('a', '\ud800')],
    ['over a million characters', `${'a'.repeat(1_000_000)}${good}`],
  ];
  for (const [name, note] of bad) assert.throws(() => parseNote(note), { code: 'note_malformed' }, name);
  assert.throws(() => parseNote('a\n\n'), { code: 'note_unsigned' });
  assert.throws(() => formatNote('a\n', []), { code: 'note_unsigned' });
  assert.throws(() => formatNote('a', [good.slice(3)]), { code: 'note_malformed' });
  assert.throws(() => formatNote('a\n', ['\u2014 x y\n']), { code: 'note_malformed' });
  assert.throws(() => formatNote('a\n', [`b\n\n${good.slice(3)}`]), { code: 'note_malformed' });
});

test('names without white space and plus are names', () => {
  for (const name of ['log', 'rekor.example.com', 'log.example/2026h1', 'ü', 'a:8080'])
    assert.equal(isNoteName(name), true);
  for (const name of ['', ' ', 'a b', 'a+b', 'a\tb', 'a\n', '\u2003', '\u2028', '\ufeffa', '\ud800', 'a\u007f']) {
    assert.equal(isNoteName(name), false, JSON.stringify(name));
  }
  assert.throws(() => signatureLine('a b', Buffer.alloc(4), Buffer.alloc(1)), { code: 'note_name_invalid' });
});

test('all three kinds of keys sign and verify notes', () => {
  const text = formatCheckpointBody(CHECKPOINT);
  for (const type of ['ed25519', 'ec', 'rsa'] as const) {
    const signer = testKey(type);
    const note = formatNote(text, [lineOf('log', signer, text)]);
    assert.equal(verifyNote(note, [noteVerifier('log', signer.key)]).length, 1);
    for (const forged of [note.replace('\n42\n', '\n43\n'), note.replace('log.example/a', 'log.example/b')]) {
      assert.throws(() => verifyNote(forged, [noteVerifier('log', signer.key)]), { code: 'note_signature_invalid' });
    }
  }
});

function refusalOf(note: string, verifiers: readonly NoteVerifier[]): string {
  try {
    verifyNote(note, verifiers);
  } catch (error) {
    assert.ok(error instanceof FormatError);
    return error.code;
  }
  return 'accepted';
}

test('unknown keys are ignored, one bad signature of a known key spoils the note', () => {
  const text = 'text\n';
  const [one, two] = [testKey('ed25519'), testKey('ed25519')];
  const [good, foreign] = [lineOf('log', one, text), lineOf('witness', two, text)];
  const bad = signatureLine('log', noteKeyHash('log', one.key), one.sign('other\n'));
  const verifiers = [noteVerifier('log', one.key), noteVerifier('witness', two.key)];
  assert.equal(verifyNote(formatNote(text, [good, foreign]), verifiers.slice(0, 1)).length, 1);
  assert.equal(verifyNote(formatNote(text, [good, foreign]), verifiers).length, 2);
  assert.equal(verifyNote(formatNote(text, [good, good]), verifiers).length, 1);
  assert.equal(refusalOf(formatNote(text, [bad, foreign]), verifiers), 'note_signature_invalid');
  assert.equal(refusalOf(formatNote(text, [foreign]), verifiers.slice(0, 1)), 'note_unsigned');
  assert.equal(refusalOf(formatNote(text, [good]), [noteVerifier('log2', one.key)]), 'note_unsigned');
  // Another key under a known name is an unknown key: it neither signs nor spoils.
  const namesake = lineOf('log', two, text);
  assert.equal(verifyNote(formatNote(text, [namesake, good]), verifiers.slice(0, 1)).length, 1);
  assert.equal(refusalOf(formatNote(text, [namesake]), verifiers.slice(0, 1)), 'note_unsigned');
  assert.equal(
    refusalOf(formatNote(text, [signatureLine('log', noteKeyHash('log', one.key), Buffer.of(1))]), verifiers),
    'note_signature_invalid',
  );
});

test('a CT checkpoint signature covers time, size and root as a tree head', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = publicKeyFromSpki(publicKey.export({ format: 'der', type: 'spki' }));
  const { origin, size, root } = CHECKPOINT;
  const signed = (timestampMs: number): Uint8Array =>
    ctDigitallySigned(key.kind, sign('sha256', sthSignatureInput({ timestampMs, treeSize: size, root }), privateKey));
  const keyHash = ctNoteKeyHash(origin, createHash('sha256').update(key.spki).digest());
  const note = (timestampMs: number, body: string): string =>
    formatNote(body, [signatureLine(origin, keyHash, encodeCtNoteSignature(timestampMs, signed(1000)))]);
  const verifiers = [ctNoteVerifier(origin, key)];
  const body = formatCheckpointBody(CHECKPOINT);
  assert.equal(verifyNote(note(1000, body), verifiers).length, 1);
  assert.equal(refusalOf(note(1001, body), verifiers), 'note_signature_invalid');
  assert.equal(refusalOf(note(1000, body.replace('42', '43')), verifiers), 'note_signature_invalid');
  assert.equal(refusalOf(note(1000, `${body}extension\n`), verifiers), 'note_signature_invalid');
  assert.equal(
    refusalOf(note(1000, body.replace('log.example/a', 'log.example/b')), verifiers),
    'note_signature_invalid',
  );
  assert.equal(refusalOf(note(1000, 'no checkpoint\n'), verifiers), 'note_signature_invalid');
});
