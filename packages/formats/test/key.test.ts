import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  defaultKeyDetails,
  FormatError,
  KEY_DETAILS_ENUM,
  keyDetailsInfo,
  keyFitsDetails,
  publicKeyFromSpki,
  requireKeyDetails,
} from '../src/index.ts';

function spkiOf(name: string): Buffer {
  const pem = readFileSync(new URL(`../../../test/vectors/recorded/keys/${name}.pem`, import.meta.url));
  return createPublicKey(pem).export({ format: 'der', type: 'spki' });
}

function assertUnparsable(spki: Uint8Array, message?: string): void {
  assert.throws(
    () => publicKeyFromSpki(spki),
    (error) => error instanceof FormatError && error.code === 'key_unparsable',
    message,
  );
}

const P256 = spkiOf('c-p256');

test('every key upstream parses is parsed, with its facts', () => {
  const expected: [string, string, number | undefined][] = [
    ['c-p224', 'ecdsa-p224', 224],
    ['c-p256', 'ecdsa-p256', 256],
    ['c-p384', 'ecdsa-p384', 384],
    ['c-p521', 'ecdsa-p521', 521],
    ['c-rsa1024', 'rsa', 1024],
    ['c-rsa2048', 'rsa', 2048],
    ['c-rsa2048e3', 'rsa', 2048],
    ['c-rsa2056', 'rsa', 2056],
    ['c-rsa8192', 'rsa', 8192],
    ['c-ed25519', 'ed25519', undefined],
    ['c-x25519', 'x25519', undefined],
    ['c-dsa', 'dsa', 2048],
  ];
  for (const [name, kind, bits] of expected) {
    const key = publicKeyFromSpki(spkiOf(name));
    assert.deepEqual([key.kind, key.bits], [kind, bits], name);
    assert.deepEqual(key.keyObject.export({ format: 'der', type: 'spki' }), Buffer.from(key.spki), name);
  }
  assert.equal(publicKeyFromSpki(spkiOf('c-rsa2048e3')).rsa?.exponent, 3n);
  assert.equal(publicKeyFromSpki(spkiOf('c-rsa2048')).rsa?.exponent, 65537n);
});

test('keys upstream cannot parse are unparsable, not merely weak', () => {
  for (const name of ['c-ed448', 'c-k256', 'c-rsapss']) assertUnparsable(spkiOf(name), name);
});

test('a compressed point is unparsable', () => {
  const compressed = Buffer.concat([
    Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    Buffer.of(2),
    P256.subarray(27, 59),
  ]);
  assert.equal(createPublicKey({ key: compressed, format: 'der', type: 'spki' }).asymmetricKeyType, 'ec');
  assertUnparsable(compressed);
});

test('a hybrid point is unparsable although OpenSSL takes it', () => {
  const hybrid = Buffer.from(P256);
  hybrid[26] = 6 | ((P256.at(-1) ?? 0) & 1);
  assert.equal(createPublicKey({ key: hybrid, format: 'der', type: 'spki' }).asymmetricKeyType, 'ec');
  assertUnparsable(hybrid);
});

test('a point off the curve is unparsable', () => {
  const moved = Buffer.from(P256);
  moved[moved.length - 1] = (moved.at(-1) ?? 0) ^ 1;
  assertUnparsable(moved);
});

test('bytes after the key, missing bytes and foreign bytes are unparsable', () => {
  for (const name of ['c-p256', 'c-rsa2048', 'c-ed25519']) {
    const spki = spkiOf(name);
    assertUnparsable(Buffer.concat([spki, Buffer.of(0)]), name);
    assertUnparsable(spki.subarray(0, -1), name);
    assertUnparsable(spki.subarray(1), name);
  }
  assertUnparsable(new Uint8Array());
  assertUnparsable(Buffer.alloc(100_000, 0x30));
  assertUnparsable(Buffer.from('-----BEGIN PUBLIC KEY-----'));
  assertUnparsable(P256.subarray(26));
});

test('RSA without NULL parameters, Ed25519 with parameters and PKCS#1 alone are unparsable', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  assertUnparsable(publicKey.export({ format: 'der', type: 'pkcs1' }));
  const algorithm = Buffer.from('300d06092a864886f70d0101010500', 'hex');
  const at = spki.indexOf(algorithm);
  const body = Buffer.concat([Buffer.from('300b06092a864886f70d010101', 'hex'), spki.subarray(at + algorithm.length)]);
  assertUnparsable(Buffer.concat([Buffer.of(0x30, 0x81, body.length), body]));
  const inner = publicKey.export({ format: 'der', type: 'pkcs1' });
  const longer = Buffer.concat([Buffer.of(0x30, 0x81, inner.length), inner.subarray(3), Buffer.of(2, 1, 1)]);
  const octets = Buffer.concat([Buffer.of(0x03, 0x81, longer.length + 1, 0), longer]);
  assertUnparsable(
    Buffer.concat([Buffer.of(0x30, 0x81, algorithm.length + octets.length), algorithm, octets]),
    'third number',
  );
  const raw = spkiOf('c-ed25519').subarray(-32);
  assertUnparsable(Buffer.concat([Buffer.from('302c300706032b65700500032100', 'hex'), raw]));
});

test('no change of one bit or byte crashes; what still parses is the same DER again', () => {
  const sources = ['c-p256', 'c-ed25519', 'c-rsa2048', 'c-dsa'].map(spkiOf);
  fc.assert(
    fc.property(fc.constantFrom(...sources), fc.nat(), fc.integer({ min: 1, max: 255 }), (source, place, change) => {
      const bytes = Buffer.from(source);
      const at = place % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ change;
      try {
        assert.deepEqual(publicKeyFromSpki(bytes).keyObject.export({ format: 'der', type: 'spki' }), bytes);
      } catch (error) {
        assert.ok(error instanceof FormatError && error.code === 'key_unparsable', String(error));
      }
    }),
    { numRuns: 1500 },
  );
});

test('a parsed key does not change when the bytes it came from do', () => {
  const bytes = Buffer.from(P256);
  const key = publicKeyFromSpki(bytes);
  bytes.fill(0);
  assert.deepEqual(Buffer.from(key.spki), P256);
});

test('the registry holds every number once and finds rows by name and number', () => {
  const numbers = Object.values(KEY_DETAILS_ENUM);
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    Array.from({ length: 24 }, (_, each) => each),
  );
  for (const [name, number] of Object.entries(KEY_DETAILS_ENUM)) {
    assert.equal(keyDetailsInfo(name), keyDetailsInfo(number));
    assert.equal(keyDetailsInfo(name)?.name, name);
  }
  assert.equal(keyDetailsInfo('PKIX_ECDSA_P256_SHA_256')?.number, 5);
  for (const none of ['', 'pkix_ed25519', '5', '__proto__', 24, -1, 5.5]) assert.equal(keyDetailsInfo(none), undefined);
  assert.throws(() => requireKeyDetails('NOPE'), { code: 'key_details_unknown' });
});

test('the default label of a key is the one clients rebuild entries with', () => {
  const labelOf = (name: string, use?: 'prehashed') => defaultKeyDetails(publicKeyFromSpki(spkiOf(name)), use)?.name;
  assert.equal(labelOf('c-p256'), 'PKIX_ECDSA_P256_SHA_256');
  assert.equal(labelOf('c-p384'), 'PKIX_ECDSA_P384_SHA_384');
  assert.equal(labelOf('c-p521'), 'PKIX_ECDSA_P521_SHA_512');
  assert.equal(labelOf('c-rsa3072'), 'PKIX_RSA_PKCS1V15_3072_SHA256');
  assert.equal(labelOf('c-ed25519'), 'PKIX_ED25519');
  assert.equal(labelOf('c-ed25519', 'prehashed'), 'PKIX_ED25519_PH');
  for (const name of ['c-p224', 'c-rsa1024', 'c-rsa2056', 'c-x25519', 'c-dsa'])
    assert.equal(labelOf(name), undefined, name);
});

test('a key fits only labels of its own kind and size', () => {
  const fits = (name: string, label: string) =>
    keyFitsDetails(publicKeyFromSpki(spkiOf(name)), requireKeyDetails(label));
  assert.equal(fits('c-p256', 'PKIX_ECDSA_P256_SHA_256'), true);
  assert.equal(fits('c-p384', 'PKIX_ECDSA_P384_SHA_256'), true);
  assert.equal(fits('c-rsa2048', 'PKIX_RSA_PKCS1V15_2048_SHA256'), true);
  assert.equal(fits('c-p256', 'PKIX_ECDSA_P384_SHA_256'), false);
  assert.equal(fits('c-p256', 'PKIX_RSA_PKCS1V15_2048_SHA256'), false);
  assert.equal(fits('c-rsa2048', 'PKIX_RSA_PKCS1V15_3072_SHA256'), false);
  assert.equal(fits('c-p256', 'PUBLIC_KEY_DETAILS_UNSPECIFIED'), false);
  assert.equal(fits('c-ed25519', 'ML_DSA_65'), false);
});
