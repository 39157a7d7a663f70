import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ED25519_TORSION_SUBGROUP, ed25519, ed25519ph } from '@noble/curves/ed25519.js';
import { verifyEd25519ph } from '../src/algorithms/ed25519ph.ts';

const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const sha512 = (...parts: Uint8Array[]): Buffer => createHash('sha512').update(Buffer.concat(parts)).digest();
const fromLittle = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
const toLittle = (value: bigint): Buffer => hex(value.toString(16).padStart(64, '0')).reverse();

/** Made by crypto/ed25519 of Go 1.26.8, with Options{Hash: crypto.SHA512}. */
const GO_VECTORS = JSON.parse(
  readFileSync(new URL('../../../test/vectors/ed25519ph.json', import.meta.url), 'utf8'),
) as { message: string; spki: string; signature: string }[];

/** SPEC: RFC 8032 §7.3 */
const VECTOR = {
  publicKey: hex('ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf'),
  digest: sha512(Buffer.from('abc')),
  signature: hex(
    '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41' +
      '31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
  ),
};

function seedAndRaw(secret: KeyObject): { seed: Buffer; raw: Buffer } {
  return {
    seed: secret.export({ format: 'der', type: 'pkcs8' }).subarray(-32),
    raw: createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-32),
  };
}

function secretOfScalarSeed(seed: Buffer): KeyObject {
  const der = Buffer.concat([hex('302e020100300506032b657004220420'), seed]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/**
 * Ed25519ph signing, for the test alone. R = [r]B comes from the platform: it is the R of a throw-away key's own pure
 * signature, whose r is known from that key's seed and message.
 */
function signPrehashed(secret: KeyObject, digest: Uint8Array): Buffer {
  const { seed, raw } = seedAndRaw(secret);
  const scalarBytes = sha512(seed).subarray(0, 32);
  scalarBytes[0] = (scalarBytes[0] ?? 0) & 248;
  scalarBytes[31] = ((scalarBytes[31] ?? 0) & 127) | 64;
  const message = Buffer.from('nonce');
  const r = fromLittle(sha512(sha512(seed).subarray(32), message)) % L;
  const encodedR = sign(null, message, secretOfScalarSeed(seed)).subarray(0, 32);
  const dom2 = Buffer.concat([Buffer.from('SigEd25519 no Ed25519 collisions'), Buffer.of(1, 0)]);
  const k = fromLittle(sha512(dom2, encodedR, raw, digest)) % L;
  const s = (r + k * fromLittle(scalarBytes)) % L;
  return Buffer.concat([encodedR, toLittle(s)]);
}

test('the Ed25519ph vector of RFC 8032 §7.3 verifies', () => {
  assert.equal(verifyEd25519ph(VECTOR.publicKey, VECTOR.digest, VECTOR.signature), true);
});

test('every flipped bit of the RFC vector is refused', () => {
  const { publicKey, digest, signature } = VECTOR;
  for (let bit = 0; bit < 512; bit += 7) {
    const at = bit >> 3;
    const flip = (bytes: Buffer): Buffer => {
      const copy = Buffer.from(bytes);
      copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ (1 << (bit & 7));
      return copy;
    };
    assert.equal(verifyEd25519ph(publicKey, digest, flip(signature)), false);
    assert.equal(verifyEd25519ph(publicKey, flip(digest), signature), false);
    assert.equal(verifyEd25519ph(flip(publicKey), digest, signature), false);
  }
});

test('signatures made with other keys and digests verify under their own key and digest only', () => {
  const keys = [0, 1, 2, 3, 4].map(() => generateKeyPairSync('ed25519').privateKey);
  for (const [index, secret] of keys.entries()) {
    const digest = sha512(Buffer.of(index));
    const signature = signPrehashed(secret, digest);
    for (const [other, otherSecret] of keys.entries()) {
      assert.equal(verifyEd25519ph(seedAndRaw(otherSecret).raw, digest, signature), other === index);
    }
    assert.equal(verifyEd25519ph(seedAndRaw(secret).raw, sha512(Buffer.of(9)), signature), false);
  }
});

test('a pure Ed25519 signature, over the message or over the digest, is no Ed25519ph signature', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { raw } = seedAndRaw(privateKey);
  const message = Buffer.from('abc');
  assert.equal(verifyEd25519ph(raw, sha512(message), sign(null, message, privateKey)), false);
  assert.equal(verifyEd25519ph(raw, sha512(message), sign(null, sha512(message), privateKey)), false);
});

test('S not below L is refused although the equation holds', () => {
  const s = fromLittle(VECTOR.signature.subarray(32));
  for (const raised of [s + L, s + 2n * L]) {
    const signature = Buffer.concat([VECTOR.signature.subarray(0, 32), toLittle(raised)]);
    assert.equal(verifyEd25519ph(VECTOR.publicKey, VECTOR.digest, signature), false);
  }
});

test('keys that are no canonical point are refused', () => {
  const p = 2n ** 255n - 19n;
  const bad = [p, p + 1n, 2n ** 255n - 1n, 2n, 1n | (1n << 255n), (p - 1n) | (1n << 255n), p | (1n << 255n)];
  for (const encoding of bad) {
    assert.equal(verifyEd25519ph(toLittle(encoding), VECTOR.digest, VECTOR.signature), false, encoding.toString(16));
  }
});

test('keys of small order are refused: under the neutral one a signature would stand for every message', () => {
  const { seed } = seedAndRaw(generateKeyPairSync('ed25519').privateKey);
  const message = Buffer.from('nonce');
  const r = fromLittle(sha512(sha512(seed).subarray(32), message)) % L;
  const encodedR = sign(null, message, secretOfScalarSeed(seed)).subarray(0, 32);
  const signature = Buffer.concat([encodedR, toLittle(r)]);
  assert.equal(ED25519_TORSION_SUBGROUP.length, 8);
  for (const key of ED25519_TORSION_SUBGROUP) {
    assert.equal(verifyEd25519ph(hex(key), VECTOR.digest, signature), false, key);
  }
  const p = 2n ** 255n - 19n;
  for (const spelling of [1n, p + 1n, 1n | (1n << 255n), (p + 1n) | (1n << 255n)]) {
    assert.equal(verifyEd25519ph(toLittle(spelling), VECTOR.digest, signature), false);
  }
});

test('a signature that holds only up to the cofactor is refused, as by Go', () => {
  const message = Buffer.from('cofactor');
  const { secretKey, publicKey } = ed25519.keygen();
  const { scalar } = ed25519.utils.getExtendedPublicKey(secretKey);
  for (const [torsion, encoded] of ED25519_TORSION_SUBGROUP.entries()) {
    const r = fromLittle(sha512(Buffer.of(torsion))) % L;
    const R = ed25519.Point.BASE.multiply(r).add(ed25519.Point.fromHex(encoded)).toBytes();
    const dom2 = Buffer.concat([Buffer.from('SigEd25519 no Ed25519 collisions'), Buffer.of(1, 0)]);
    const k = fromLittle(sha512(dom2, R, publicKey, sha512(message))) % L;
    const signature = Buffer.concat([R, toLittle((r + k * scalar) % L)]);
    assert.equal(ed25519ph.verify(signature, message, publicKey), true, 'with the cofactor it holds');
    const isNeutral = ed25519.Point.fromHex(encoded).is0();
    assert.equal(verifyEd25519ph(publicKey, sha512(message), signature), isNeutral, encoded);
  }
});

test('signatures made by Go over digests verify, each under its own key and digest only', () => {
  const vectors = GO_VECTORS.map(({ message, spki, signature }) => ({
    raw: Buffer.from(spki, 'base64').subarray(-32),
    digest: sha512(Buffer.from(message)),
    signature: Buffer.from(signature, 'base64'),
  }));
  assert.ok(vectors.length >= 16);
  for (const [i, one] of vectors.entries()) {
    assert.equal(verifyEd25519ph(one.raw, one.digest, one.signature), true);
    const other = vectors[(i + 1) % vectors.length]!;
    assert.equal(verifyEd25519ph(other.raw, one.digest, one.signature), false);
    assert.equal(verifyEd25519ph(one.raw, other.digest, one.signature), false);
  }
});

test('what the library signs over a message verifies over its digest', () => {
  const { secretKey, publicKey } = ed25519ph.keygen();
  const message = Buffer.from('the library hashes it itself');
  const signature = ed25519ph.sign(message, secretKey);
  assert.equal(verifyEd25519ph(publicKey, sha512(message), signature), true);
  assert.equal(verifyEd25519ph(publicKey, sha512(message), ed25519.sign(sha512(message), secretKey)), false);
});

test('wrong lengths are refused', () => {
  const { publicKey, digest, signature } = VECTOR;
  assert.equal(verifyEd25519ph(publicKey.subarray(1), digest, signature), false);
  assert.equal(verifyEd25519ph(publicKey, digest.subarray(0, 32), signature), false);
  assert.equal(verifyEd25519ph(publicKey, digest, signature.subarray(0, 63)), false);
  assert.equal(verifyEd25519ph(publicKey, digest, Buffer.concat([signature, Buffer.of(0)])), false);
});
