import assert from 'node:assert/strict';
import { createHash, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { importJwk, verifyJws } from '../src/oidc/jws.ts';
import { keyPem } from './support/recorded.ts';

/* Key sets of issuers that a pattern let in: nobody of ours chose what stands in them. */

const MESSAGE = Buffer.from('header.payload');
const RSA = createPublicKey(keyPem('oidc-rsa')).export({ format: 'jwk' });
const modulus = BigInt(`0x${Buffer.from(RSA.n ?? '', 'base64url').toString('hex')}`);

function integer(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}

/** What a PKCS#1 v1.5 signature opens to: with e = 1 it is the signature. SPEC: RFC 8017 §9.2 */
function paddedDigest(): Buffer {
  const sha256 = Buffer.from('3031300d060960864801650304020105000420', 'hex');
  const tail = Buffer.concat([Buffer.of(0), sha256, createHash('sha256').update(MESSAGE).digest()]);
  const size = Buffer.from(RSA.n ?? '', 'base64url').length;
  return Buffer.concat([Buffer.of(0, 1), Buffer.alloc(size - 2 - tail.length, 0xff), tail]);
}

/** A key that is of no use verifies nothing. */
function believes(jwk: Readonly<Record<string, unknown>>, signature: Uint8Array): boolean {
  const key = importJwk(jwk);
  return key !== undefined && verifyJws('RS256', key, { input: MESSAGE, signature });
}

test('an RSA key with exponent 1 is of no use: nobody needs a private key to sign for it', () => {
  assert.equal(believes({ ...RSA, e: integer(1n) }, paddedDigest()), false);
});

test('an RSA key with an exponent that is even or beyond 31 bits is of no use', () => {
  for (const e of [0n, 2n, 65536n, 2n ** 31n + 11n, modulus - 2n, modulus + 2n, (1n << 4_000_000n) + 1n]) {
    assert.equal(importJwk({ ...RSA, e: integer(e) }), undefined, `${e.toString(16).slice(0, 20)}…`);
  }
});

test('RSA keys with the exponents that are in use are usable', () => {
  for (const e of [3n, 17n, 65537n]) assert.ok(importJwk({ ...RSA, e: integer(e) }));
});

test('members of a key that are longer than any real one are not even imported', () => {
  const long = Buffer.alloc(500_000, 0xff).toString('base64url');
  for (const name of ['n', 'e']) assert.equal(importJwk({ ...RSA, [name]: long }), undefined, name);
  const ec = createPublicKey(keyPem('oidc-ec')).export({ format: 'jwk' });
  for (const name of ['x', 'y', 'crv']) assert.equal(importJwk({ ...ec, [name]: long }), undefined, name);
});
