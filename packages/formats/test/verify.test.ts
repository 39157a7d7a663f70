import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeBase64Proto,
  defaultKeyDetails,
  type HashName,
  parseCertificate,
  publicKeyFromSpki,
  requireKeyDetails,
  verifyDigest,
  verifyMessage,
} from '../src/index.ts';
import { recordedLines } from './support/recorded.ts';
import { digestOf, EC, flipped, pairOf } from './support/signing-keys.ts';

test('one flipped bit of digest or signature is refused, for every scheme', () => {
  const message = Buffer.from('attack');
  const cases: [string, HashName][] = [...EC, ['c-rsa2048', 'sha256']];
  for (const [name, hash] of cases) {
    const { secret, key } = pairOf(name);
    const details = defaultKeyDetails(key) ?? assert.fail();
    const digest = digestOf(hash, message);
    const signature = sign(hash, message, secret);
    const runs = name === 'c-p256' || name === 'c-rsa2048' ? 150 : 10;
    fc.assert(
      fc.property(fc.nat(100_000), fc.boolean(), (bit, inDigest) => {
        const accepted = inDigest
          ? verifyDigest(key, details, flipped(digest, bit), signature)
          : verifyDigest(key, details, digest, flipped(signature, bit));
        assert.equal(accepted, false);
        if (!inDigest) assert.equal(verifyMessage(key, message, flipped(signature, bit)), false);
      }),
      { numRuns: runs },
    );
  }
});

test('random bytes are never a signature and never crash', () => {
  const pairs = ['c-p256', 'c-rsa2048', 'c-ed25519'].map(pairOf);
  fc.assert(
    fc.property(fc.constantFrom(...pairs), fc.uint8Array({ maxLength: 300 }), ({ key }, signature) => {
      const details = defaultKeyDetails(key, 'prehashed') ?? assert.fail();
      const digest = Buffer.alloc(details.hash === 'sha512' ? 64 : 32, 7);
      assert.equal(verifyDigest(key, details, digest, signature), false);
      assert.equal(verifyMessage(key, digest, signature), false);
    }),
    { numRuns: 300 },
  );
});

test('a label that does not fit the key, or another digest length, proves nothing', () => {
  const { secret, key } = pairOf('c-p256');
  const message = Buffer.from('label');
  const digest = digestOf('sha256', message);
  const signature = sign('sha256', message, secret);
  for (const label of [
    'PKIX_RSA_PKCS1V15_2048_SHA256',
    'PKIX_ECDSA_P384_SHA_256',
    'PKIX_ED25519_PH',
    'PKIX_ED25519',
    'ML_DSA_65',
    'PUBLIC_KEY_DETAILS_UNSPECIFIED',
    'PKIX_ECDSA_P256_HMAC_SHA_256',
  ]) {
    assert.equal(verifyDigest(key, requireKeyDetails(label), digest, signature), false, label);
  }
  const details = requireKeyDetails('PKIX_ECDSA_P256_SHA_256');
  for (const other of [
    digest.subarray(1),
    Buffer.concat([digest, Buffer.of(0)]),
    Buffer.alloc(0),
    digestOf('sha512', message),
  ]) {
    assert.equal(verifyDigest(key, details, other, signature), false);
  }
});

test('messages are verified with the default hash of the key and no other', () => {
  for (const [name, hash] of EC) {
    const { secret, key } = pairOf(name);
    const message = Buffer.from('hash');
    for (const other of ['sha256', 'sha384', 'sha512'] as const) {
      const signature = sign(other, message, secret);
      assert.equal(verifyMessage(key, message, signature), other === hash, `${name} ${other}`);
      assert.equal(verifyMessage(key, message, signature, other), true);
    }
  }
  const { secret, key } = pairOf('c-ed25519');
  assert.equal(verifyMessage(key, Buffer.from('x'), sign(null, Buffer.from('x'), secret)), true);
  assert.equal(verifyMessage(key, Buffer.from('y'), sign(null, Buffer.from('x'), secret)), false);
  for (const name of ['c-p224', 'c-dsa']) {
    const weak = pairOf(name);
    assert.equal(verifyMessage(weak.key, Buffer.from('x'), sign('sha256', Buffer.from('x'), weak.secret)), false, name);
  }
});

interface RekorLine {
  name: string;
  request: { body?: string };
  response: { status: number; body?: string };
}

/** Upstream compares only the hash of the label with the key; these entries no client can verify. */
const WRONG_LABEL = /labelled|other label/;

test('every recorded rekor-tiles entry verifies, and every refused well-formed one does not', () => {
  const count = { valid: 0, mislabelled: 0, refused: 0 };
  for (const { name, request, response } of recordedLines<RekorLine>('rekor2.jsonl')) {
    if (response.status !== 201 && !response.body?.includes('invalid hashedrekord request')) continue;
    const outcome = checkEntry(request.body ?? '');
    if (outcome === undefined) continue;
    if (response.status !== 201) {
      assert.equal(outcome, false, name);
      count.refused++;
    } else if (WRONG_LABEL.test(name)) {
      assert.equal(outcome, false, name);
      count.mislabelled++;
    } else {
      assert.equal(outcome, true, name);
      count.valid++;
    }
  }
  assert.ok(count.valid >= 35 && count.mislabelled >= 4 && count.refused >= 20, JSON.stringify(count));
});

interface EntryBody {
  hashedRekordRequestV002?: {
    digest?: string;
    signature?: {
      content?: string;
      verifier?: {
        publicKey?: { rawBytes?: string };
        x509Certificate?: { rawBytes?: string };
        keyDetails?: string | number;
      };
    };
  };
}

function checkEntry(body: string): boolean | undefined {
  let parsed: EntryBody;
  try {
    parsed = JSON.parse(body) as EntryBody;
  } catch {
    return undefined;
  }
  const { digest, signature } = parsed.hashedRekordRequestV002 ?? {};
  const { publicKey, x509Certificate, keyDetails } = signature?.verifier ?? {};
  if (!digest || !signature?.content || keyDetails === undefined || keyDetails === null) return undefined;
  try {
    const bytes = (text: string | undefined) => decodeBase64Proto(text ?? '') ?? assert.fail();
    const spki = x509Certificate ? parseCertificate(bytes(x509Certificate.rawBytes)).spki : bytes(publicKey?.rawBytes);
    const details = requireKeyDetails(keyDetails);
    return verifyDigest(publicKeyFromSpki(spki), details, bytes(digest), bytes(signature.content));
  } catch {
    return false;
  }
}
