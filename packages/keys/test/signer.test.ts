import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import {
  generatePrivateKeyPem,
  KeyError,
  localSigner,
  type SignatureAlgorithm,
  signerFromPem,
  verifySignature,
} from '../src/index.ts';

const algorithms: [SignatureAlgorithm, string | null][] = [
  ['ecdsa-p256-sha256', 'sha256'],
  ['ecdsa-p384-sha384', 'sha384'],
  ['ecdsa-p521-sha512', 'sha512'],
  ['rsa-pkcs1-sha256', 'sha256'],
  ['ed25519', null],
];
for (const [algorithm, hash] of algorithms) {
  test(`${algorithm} signs what its public key verifies, and one flipped bit does not verify`, () => {
    const signer = signerFromPem(generatePrivateKeyPem(algorithm));
    assert.equal(signer.algorithm, algorithm);
    const message = Buffer.from('message');
    const signature = Buffer.from(signer.sign(message));
    const key = createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' });
    assert.equal(verify(hash, message, key, signature), true);
    assert.equal(verifySignature(key, message, signature), true);
    assert.equal(verifySignature(key, Buffer.from('messagf'), signature), false);
    signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
    assert.equal(verifySignature(key, message, signature), false);
  });
}

test('keys that no client accepts are refused by name', () => {
  const refused = [
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('rsa', { modulusLength: 1024 }),
    generateKeyPairSync('x25519'),
    generateKeyPairSync('ed448'),
  ];
  for (const { privateKey } of refused) {
    assert.throws(
      () => localSigner(privateKey),
      (error) => error instanceof KeyError && error.code === 'key_unsupported',
    );
  }
});

test('a text that is no private key is refused', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  for (const text of [
    '',
    'x',
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  ]) {
    assert.throws(
      () => signerFromPem(text),
      (error) => error instanceof KeyError && error.code === 'key_unreadable',
    );
  }
});

test('malformed signatures are false, not an exception', () => {
  const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  for (const signature of [Buffer.alloc(0), Buffer.alloc(64), Buffer.from('3006020100020100', 'hex')]) {
    assert.equal(verifySignature(signer.publicKey, Buffer.from('m'), signature), false);
  }
});
