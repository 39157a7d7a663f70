import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Checkpoint,
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
  parseCheckpoint,
  parseNote,
  parseSignedCheckpoint,
  publicKeyFromSpki,
  signatureLine,
  sthSignatureInput,
  verifyNote,
} from '../src/index.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const ed25519Key = (raw: string): ParsedKey =>
  publicKeyFromSpki(Buffer.concat([ED25519_PREFIX, Buffer.from(raw, 'hex')]));
const recordedKey = (name: string): ParsedKey => {
  const pem = readFileSync(new URL(`../../../test/vectors/recorded/keys/${name}`, import.meta.url));
  return publicKeyFromSpki(createPublicKey(pem).export({ format: 'der', type: 'spki' }));
};

interface TestKey {
  readonly key: ParsedKey;
  sign(text: string): Uint8Array;
}

function testKey(type: 'ed25519' | 'ec' | 'rsa'): TestKey {
  const pair: { publicKey: KeyObject; privateKey: KeyObject } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const hash = type === 'ed25519' ? null : 'sha256';
  return {
    key: publicKeyFromSpki(pair.publicKey.export({ format: 'der', type: 'spki' })),
    sign: (text) => sign(hash, Buffer.from(text), pair.privateKey),
  };
}

const lineOf = (name: string, signer: TestKey, text: string): string =>
  signatureLine(name, noteKeyHash(name, signer.key), signer.sign(text));

const ROOT = Buffer.alloc(32, 7);
const CHECKPOINT: Checkpoint = { origin: 'log.example/a', size: 42, root: ROOT, extensions: [] };

test('key ids of Ed25519 keys reproduce the published ones', () => {
  const unit = ed25519Key('444bc9c8d6468d7e81dc3008b83dc14e0f6b230574d0663c5e0e4553e2050d44');
  assert.equal(hex(noteKeyHash('testkey', unit)), 'e4de82e34c8c270d87612a3d6a1e297e2cd0ed9cb89ea7aeec8ce4d0b54e6775');
  assert.notEqual(hex(noteKeyHash('testkey2', unit)), hex(noteKeyHash('testkey', unit)));
});

test('key ids: the name enters those of Ed25519 and RSA, not those of ECDSA', () => {
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

test('every checkpoint that rekor-tiles sent verifies with its key, and with the id it put in logId', () => {
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

test('checkpoints round-trip', () => {
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

test('malformed checkpoint texts are refused', () => {
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

test('a checkpoint followed by two blank lines is no checkpoint', () => {
  const signer = testKey('ed25519');
  const body = `${formatCheckpointBody(CHECKPOINT)}\n`;
  const note = formatNote(body, [lineOf('log', signer, body)]);
  assert.throws(() => parseSignedCheckpoint(note), { code: 'checkpoint_malformed' });
});

test('malformed notes are refused', () => {
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
