import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodePem, parseCertificate } from '@sigstead/formats';
import { newCaChain, signerFromPem } from '@sigstead/keys';
import { ctLog } from '../src/core/issuance/ct.ts';
import { issuingCa, IssuingCaError } from '../src/core/issuance/issuing-ca.ts';
import { chainDer, keyPem } from './support/recorded.ts';
import { NOW_MS } from './support/tokens.ts';
import { createPublicKey } from 'node:crypto';

const signer = signerFromPem(keyPem('ca-int'));
const chain = chainDer('ca-chain');
const [intermediate = new Uint8Array(), root = new Uint8Array()] = chain;

test('a chain and its key are taken, for every kind of key', () => {
  assert.equal(issuingCa(signer, chain, NOW_MS).notAfterMs, parseCertificate(intermediate).notAfterMs);
  for (const name of ['ca2-p384', 'ca2-p521', 'ca2-rsa', 'ca2-ed']) {
    assert.ok(issuingCa(signerFromPem(keyPem(name)), chainDer(`${name}-chain`), NOW_MS).chainPem.length >= 2);
  }
});

test('a chain that our own tool makes is taken', async () => {
  const notBefore = new Date(NOW_MS);
  const names = { organization: 'example.com', commonName: 'test' };
  const made = await newCaChain({ ...names, notBefore, rootYears: 10, intermediateYears: 3 });
  const ders = [made.intermediate, made.root].flatMap(({ certificatePem }) =>
    decodePem(certificatePem).map(({ bytes }) => bytes),
  );
  const ca = issuingCa(signerFromPem(made.intermediate.privateKeyPem), ders, NOW_MS);
  assert.equal(ca.chain.length, 2);
});

const REFUSED: [string, readonly Uint8Array[], string, number, RegExp][] = [
  ['an empty chain', [], 'ca-int', NOW_MS, /empty/],
  ['a key of another certificate', chain, 'ca-root', NOW_MS, /does not belong to the first/],
  ['a chain the wrong way round', [root, intermediate], 'ca-root', NOW_MS, /not signed by the next/],
  ['a chain without its root', [intermediate], 'ca-int', NOW_MS, /not signed by the next/],
  ['an expired chain', chain, 'ca-int', Date.parse('2036-01-01'), /has expired/],
  ['a chain of the future', chain, 'ca-int', Date.parse('2026-01-01'), /not valid yet/],
  ['a timestamping leaf', chainDer('tsa-chain'), 'tsa-leaf', NOW_MS, /is not a CA/],
  ['a timestamping CA', chainDer('tsa-chain').slice(1), 'tsa-int', NOW_MS, /code signing/],
];

for (const [what, given, key, nowMs, message] of REFUSED) {
  test(`${what} does not start`, () => {
    assert.throws(
      () => issuingCa(signerFromPem(keyPem(key)), given, nowMs),
      (error: unknown) => error instanceof IssuingCaError && message.test(error.message),
    );
  });
}

test('a CT log key that clients refuse does not start', () => {
  const client = { addPreChain: () => Promise.reject(new Error('unused')) };
  const spki = (name: string): Buffer => createPublicKey(keyPem(name)).export({ type: 'spki', format: 'der' });
  assert.equal(ctLog({ client, publicKeySpki: spki('ct') }).logId.length, 32);
  for (const name of ['c-p384', 'c-ed25519', 'c-rsa1024']) {
    assert.throws(() => ctLog({ client, publicKeySpki: spki(name) }), /neither P-256 nor RSA/);
  }
});
