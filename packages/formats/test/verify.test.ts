import assert from 'node:assert/strict';
import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { CURVES, invert, mod, toBigInt, toBytes } from '../src/algorithms/curves.ts';
import { verifyEcdsaDigest } from '../src/algorithms/ecdsa-digest.ts';
import { isVerifiableRsa, verifyRsaPkcs1Digest } from '../src/algorithms/rsa-digest.ts';
import {
  decodeBase64Proto,
  defaultKeyDetails,
  type HashName,
  type ParsedKey,
  parseCertificate,
  publicKeyFromSpki,
  requireKeyDetails,
  verifyDigest,
  verifyMessage,
} from '../src/index.ts';

const VECTORS = new URL('../../../test/vectors/recorded/', import.meta.url);

interface Pair {
  readonly secret: KeyObject;
  readonly key: ParsedKey;
}

function pairOf(name: string): Pair {
  const secret = createPrivateKey(readFileSync(new URL(`keys/${name}.pem`, VECTORS)));
  return { secret, key: publicKeyFromSpki(createPublicKey(secret).export({ format: 'der', type: 'spki' })) };
}

const digestOf = (hash: HashName, message: Uint8Array): Buffer => createHash(hash).update(message).digest();

const EC: [string, HashName][] = [
  ['c-p256', 'sha256'],
  ['c-p384', 'sha384'],
  ['c-p521', 'sha512'],
];
const RSA = ['c-rsa2048', 'c-rsa3072', 'c-rsa4096'];

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = (bit >> 3) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

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
  const lines = readFileSync(new URL('rekor2.jsonl', VECTORS), 'utf8').trim().split('\n');
  const count = { valid: 0, mislabelled: 0, refused: 0 };
  for (const { name, request, response } of lines.map((line) => JSON.parse(line) as RekorLine)) {
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
