import assert from 'node:assert/strict';
import { createECDH, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { CURVES, invert, mod, toBigInt, toBytes } from '../src/algorithms/curves.ts';
import { verifyEcdsaDigest } from '../src/algorithms/ecdsa-digest.ts';
import { isVerifiableRsa, verifyRsaPkcs1Digest } from '../src/algorithms/rsa-digest.ts';
import { defaultKeyDetails, publicKeyFromSpki, requireKeyDetails, verifyDigest, verifyMessage } from '../src/index.ts';
import { digestOf, EC, flipped, pairOf, RSA } from './support/signing-keys.ts';

test('ECDSA over a digest agrees with the platform over the message, in DER and P1363', () => {
  for (const [name, hash] of EC) {
    const { secret, key } = pairOf(name);
    const details = defaultKeyDetails(key) ?? assert.fail();
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.constantFrom('der' as const, 'ieee-p1363' as const),
        (message, encoding) => {
          const signature = sign(hash, message, { key: secret, dsaEncoding: encoding });
          assert.equal(verifyDigest(key, details, digestOf(hash, message), signature), true);
          assert.equal(verifyMessage(key, message, signature), true);
        },
      ),
      { numRuns: name === 'c-p256' ? 100 : 15 },
    );
  }
});

test('a digest longer than the order counts with its leftmost bits', () => {
  for (const [name] of EC) {
    const { secret, key } = pairOf(name);
    for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
      const message = Buffer.from(`${name} ${hash}`);
      assert.equal(
        verifyEcdsaDigest(key, digestOf(hash, message), sign(hash, message, secret)),
        true,
        `${name} ${hash}`,
      );
    }
  }
});

/** An ECDSA signature over any number z by a known scalar, so that degenerate additions can be forced. */
function signNumber(d: bigint, z: (r: bigint) => bigint): { digest: Uint8Array; signature: Uint8Array } {
  const { n } = CURVES['ecdsa-p256'] ?? assert.fail();
  const nonce = 0x1234567890abcdef1234567890abcdefn;
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(toBytes(nonce, 32));
  const r = mod(toBigInt(ecdh.getPublicKey().subarray(1, 33)), n);
  const number = mod(z(r), n);
  const s = mod((number + r * d) * invert(nonce, n), n);
  return { digest: toBytes(number, 32), signature: Buffer.concat([toBytes(r, 32), toBytes(s, 32)]) };
}

test('digests that make the shifted key double, vanish or stay the same are still decided rightly', () => {
  const { secret, key } = pairOf('c-p256');
  const { d: scalar } = secret.export({ format: 'jwk' });
  const d = toBigInt(Buffer.from(scalar ?? assert.fail(), 'base64url'));
  const anchor = toBigInt(digestOf('sha256', Buffer.alloc(0)));
  const cases: [string, (r: bigint) => bigint][] = [
    ['doubling', (r) => anchor + r * d],
    ['infinity', (r) => anchor - r * d],
    ['no shift', () => anchor],
    ['zero', () => 0n],
  ];
  for (const [name, z] of cases) {
    const { digest, signature } = signNumber(d, z);
    assert.equal(verifyEcdsaDigest(key, digest, signature), true, name);
    assert.equal(verifyEcdsaDigest(key, flipped(digest, 9), signature), false, name);
    assert.equal(verifyEcdsaDigest(key, digest, flipped(signature, 300)), false, name);
    assert.equal(verifyEcdsaDigest(pairOf('c-p256b').key, digest, signature), false, name);
  }
});

test('r and s outside 1 … n−1 are refused', () => {
  const { secret, key } = pairOf('c-p256');
  const { n } = CURVES['ecdsa-p256'] ?? assert.fail();
  const message = Buffer.from('range');
  const digest = digestOf('sha256', message);
  const good = sign('sha256', message, { key: secret, dsaEncoding: 'ieee-p1363' });
  const [r, s] = [toBigInt(good.subarray(0, 32)), toBigInt(good.subarray(32))];
  const pair = (one: bigint, two: bigint) => Buffer.concat([toBytes(one, 32), toBytes(two, 32)]);
  assert.equal(verifyEcdsaDigest(key, digest, pair(r, s)), true);
  assert.equal(verifyEcdsaDigest(key, digest, pair(r, n - s)), true, 'the malleable twin is valid, as upstream');
  const top = 2n ** 256n - 1n;
  for (const [one, two] of [
    [0n, s],
    [r, 0n],
    [0n, 0n],
    [n, s],
    [r, n],
    [top, s],
    [r, top],
    [n, n],
    [1n, 1n],
    [s, r],
  ] as const) {
    assert.equal(verifyEcdsaDigest(key, digest, pair(one, two)), false, `${one} ${two}`);
  }
});

test('signatures that are neither strict DER nor exact P1363 are refused', () => {
  const { secret, key } = pairOf('c-p256');
  const message = Buffer.from('encoding');
  const digest = digestOf('sha256', message);
  const der = sign('sha256', message, secret);
  const p1363 = sign('sha256', message, { key: secret, dsaEncoding: 'ieee-p1363' });
  const [r, s] = [p1363.subarray(0, 32), p1363.subarray(32)];
  const integer = (bytes: Uint8Array) => Buffer.concat([Buffer.of(2, bytes.length + 1, 0), bytes]);
  const sequence = (content: Uint8Array, tag = 0x30) => Buffer.concat([Buffer.of(tag, content.length), content]);
  const bad: [string, Uint8Array][] = [
    ['empty', Buffer.alloc(0)],
    ['trailing byte', Buffer.concat([der, Buffer.of(0)])],
    ['trailing byte inside', sequence(Buffer.concat([der.subarray(2), Buffer.of(0)]))],
    ['third integer', sequence(Buffer.concat([der.subarray(2), Buffer.of(2, 1, 1)]))],
    ['truncated', der.subarray(0, -1)],
    ['long-form length', Buffer.concat([Buffer.of(0x30, 0x81), der.subarray(1)])],
    ['indefinite length', Buffer.concat([Buffer.of(0x30, 0x80), der.subarray(2), Buffer.of(0, 0)])],
    ['SET', sequence(der.subarray(2), 0x31)],
    ['extra leading zeros', sequence(Buffer.concat([integer(Buffer.concat([Buffer.of(0), r])), integer(s)]))],
    ['one integer', sequence(integer(r))],
    ['P1363 with one more byte', Buffer.concat([p1363, Buffer.of(0)])],
    ['P1363 without leading zero', p1363.subarray(1)],
    ['P1363 widened', Buffer.concat([Buffer.of(0), r, Buffer.of(0), s])],
    ['huge', Buffer.alloc(100_000, 0x30)],
  ];
  for (const [name, signature] of bad) {
    assert.equal(verifyEcdsaDigest(key, digest, signature), false, name);
    assert.equal(verifyMessage(key, message, signature), false, name);
  }
});

test('RSA PKCS#1 over a digest agrees with the platform; every other padding is refused', () => {
  for (const name of RSA) {
    const { secret, key } = pairOf(name);
    const details = defaultKeyDetails(key) ?? assert.fail();
    const message = Buffer.from(name);
    const digest = digestOf('sha256', message);
    const signature = sign('sha256', message, secret);
    assert.equal(verifyDigest(key, details, digest, signature), true);
    assert.equal(verifyMessage(key, message, signature), true);
    assert.equal(verifyDigest(key, details, digest, Buffer.concat([signature, Buffer.of(0)])), false);
    assert.equal(verifyDigest(key, details, digest, Buffer.concat([Buffer.of(0), signature])), false);
    assert.equal(verifyDigest(key, details, digest, Buffer.alloc(signature.length, 0xff)), false);
    assert.equal(
      verifyDigest(key, details, digest, sign('sha256', message, { key: secret, padding: 6 })),
      false,
      'PSS',
    );
    assert.equal(verifyDigest(key, details, digest, sign('sha384', message, secret)), false, 'other hash');
    assert.equal(verifyMessage(key, message, sign('sha384', message, secret)), false, 'other hash');
    assert.equal(verifyMessage(key, message, sign('sha384', message, secret), 'sha384'), true);
  }
});

test('an RSA signature without its leading zero byte is refused', () => {
  const { secret, key } = pairOf('c-rsa2048');
  const details = defaultKeyDetails(key) ?? assert.fail();
  for (let counter = 0; ; counter++) {
    const message = Buffer.from(String(counter));
    const signature = sign('sha256', message, secret);
    if (signature[0] !== 0) continue;
    assert.equal(verifyDigest(key, details, digestOf('sha256', message), signature), true);
    assert.equal(verifyDigest(key, details, digestOf('sha256', message), signature.subarray(1)), false);
    assert.equal(verifyMessage(key, message, signature.subarray(1)), false);
    return;
  }
});

test('RSA with exponent 3 verifies; sizes under 1024 bits never do', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 768 });
  const smallKey = publicKeyFromSpki(small.publicKey.export({ format: 'der', type: 'spki' }));
  assert.equal(verifyMessage(smallKey, Buffer.from('x'), sign('sha256', Buffer.from('x'), small.privateKey)), false);
  assert.equal(
    verifyRsaPkcs1Digest(
      smallKey,
      'sha256',
      digestOf('sha256', Buffer.from('x')),
      sign('sha256', Buffer.from('x'), small.privateKey),
    ),
    false,
  );
  const { secret, key } = pairOf('c-rsa2048e3');
  const message = Buffer.from('e=3');
  const details = requireKeyDetails('PKIX_RSA_PKCS1V15_2048_SHA256');
  assert.equal(verifyDigest(key, details, digestOf('sha256', message), sign('sha256', message, secret)), true);
});

test('RSA with an exponent that no key pair has proves nothing: with 1 anyone could sign', () => {
  const { key } = pairOf('c-rsa2048');
  const message = Buffer.from('e=1');
  const digest = digestOf('sha256', message);
  const details = requireKeyDetails('PKIX_RSA_PKCS1V15_2048_SHA256');
  const info = Buffer.concat([Buffer.from('3031300d060960864801650304020105000420', 'hex'), digest]);
  const padded = Buffer.concat([Buffer.of(0, 1), Buffer.alloc(256 - 3 - info.length, 0xff), Buffer.of(0), info]);
  for (const exponent of ['AQ', 'Ag', 'BA', 'gAAAAQ']) {
    const jwk = { ...key.keyObject.export({ format: 'jwk' }), e: exponent };
    const forged = publicKeyFromSpki(
      createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' }),
    );
    assert.equal(isVerifiableRsa(forged), false, exponent);
    assert.equal(verifyDigest(forged, details, digest, padded), false, exponent);
    assert.equal(verifyMessage(forged, message, padded), false, exponent);
  }
});
