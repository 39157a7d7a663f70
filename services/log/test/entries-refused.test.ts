import assert from 'node:assert/strict';
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { ALGORITHMS, expiredCertificate, p256, requestOf, type Signed } from './support/algorithms.ts';
import { dsse, hashedRekord, newKey } from './support/entries.ts';
import { assertRefused, post, treeSize, verified } from './support/rekor-client.ts';
import { startServer, type TestServer } from './support/server.ts';

const log = { origin: 'log.example.com', signer: signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')) };
const INVALID = 'invalid hashedrekord request';
const NO_TYPE = 'invalid type, must be hashedrekord';
let server: TestServer;
before(async () => {
  server = await startServer({ logs: [{ name: 'v2', kind: 'rekor-v2', create: true, ...log }] });
});
after(() => server.close());

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const refused = async (body: unknown, message: string | RegExp = INVALID): Promise<void> =>
  assertRefused(await post(server.port, body), 400, 3, message);

type Parts = Record<string, Record<string, Record<string, unknown>>>;

/** A good request with one member at a path taken out, or put in. */
function changed(path: string, value?: unknown): unknown {
  const request: unknown = structuredClone(requestOf(p256('changed')));
  const names = path.split('.');
  const last = names.pop()!;
  const place = names.reduce<Record<string, unknown>>(
    (parent, name) => parent[name] as Record<string, unknown>,
    (request as Parts)['hashedRekordRequestV002'] as Record<string, unknown>,
  );
  if (value === undefined) delete place[last];
  else place[last] = value;
  return request;
}

test('B18 what lacks a digest, signature, content, verifier, key bytes or keyDetails is refused', async () => {
  const paths = ['digest', 'signature', 'signature.content', 'signature.verifier', 'signature.verifier.publicKey'];
  for (const path of [...paths, 'signature.verifier.publicKey.rawBytes', 'signature.verifier.keyDetails']) {
    await refused(changed(path));
  }
  const empty = ['digest', 'signature.content', 'signature.verifier.publicKey.rawBytes'];
  for (const path of empty) await refused(changed(path, ''));
  for (const path of ['signature.verifier.x509Certificate', 'signature', 'signature.verifier']) {
    await refused(changed(path === 'signature.verifier.x509Certificate' ? 'signature.verifier' : path, {}));
  }
  await refused(changed('signature.verifier', { x509Certificate: {}, keyDetails: 'PKIX_ECDSA_P256_SHA_256' }));
  for (const none of ['PUBLIC_KEY_DETAILS_UNSPECIFIED', 0])
    await refused(changed('signature.verifier.keyDetails', none));
});

test('B19 a key under another label than its own is refused, whatever the two hashes are', async () => {
  const good = ALGORITHMS.map((make) => make('B19'));
  const names = ['PKIX_RSA_PSS_2048_SHA256', 'PKIX_ECDSA_P384_SHA_256', 'PKIX_ECDSA_P521_SHA_256', 'PKIX_RSA_PKCS1V5'];
  for (const signed of good) {
    const others = good.map(({ label }) => label).filter((label) => label !== signed.label);
    for (const keyDetails of [...others, ...names, 'PKIX_ED25519', 'LMS_SHA256', 'ML_DSA_44', 'ML_DSA_65', 99]) {
      await refused(requestOf(signed, { keyDetails }));
    }
  }
});

test('B19 keys that no algorithm has are refused under every label: RSA-1024, P-224, secp256k1, pure Ed25519', async () => {
  const message = Buffer.from('B19');
  const digest = createHash('sha256').update(message).digest();
  const weak = [
    generateKeyPairSync('rsa', { modulusLength: 1024 }),
    generateKeyPairSync('ec', { namedCurve: 'P-224' }),
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
    generateKeyPairSync('ed25519'),
  ];
  for (const { publicKey, privateKey } of weak) {
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const isPure = privateKey.asymmetricKeyType === 'ed25519';
    const signature = sign(isPure ? null : 'sha256', message, privateKey);
    for (const { label } of ALGORITHMS.map((make) => make('label'))) {
      const size = /512|PH$/.test(label) ? 'sha512' : label.endsWith('384') ? 'sha384' : 'sha256';
      const fitting = createHash(size).update(message).digest();
      await refused(requestOf({ label, algorithm: 'SHA2_256', spki, digest: fitting, signature }));
    }
    const pure = { label: 'PKIX_ED25519', algorithm: 'SHA2_256', spki, digest, signature } as const;
    await refused(requestOf(pure));
  }
});

test('B20 a digest of another length than the hash of its label is refused', async () => {
  for (const make of ALGORITHMS) {
    const signed = make('B20');
    const right = signed.digest.length;
    for (const length of [right - 1, right + 1, ...[20, 32, 48, 64].filter((each) => each !== right)]) {
      const digest = Buffer.concat([signed.digest, signed.digest]).subarray(0, length);
      await refused(requestOf(signed, { digest }));
    }
  }
});

/** An ECDSA signature by its numbers. */
function der(r: Buffer, s: Buffer): Buffer {
  const integer = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(2, bytes.length), bytes]);
  const content = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.of(0x30, content.length), content]);
}

test('B21 another digest, a cut signature, r or s of 0, and bytes after key, certificate or signature are refused', async () => {
  for (const make of ALGORITHMS) {
    const signed = make('B21');
    const other = createHash(`sha${signed.digest.length * 8}`)
      .update('another')
      .digest();
    await refused(requestOf(signed, { digest: other }));
    for (const length of [0, 1, 8, signed.signature.length - 1]) {
      await refused(requestOf(signed, { content: signed.signature.subarray(0, length) }));
    }
    await refused(requestOf(signed, { content: Buffer.concat([signed.signature, Buffer.of(0)]) }));
    const key = Buffer.concat([signed.spki, Buffer.of(0)]);
    await refused(requestOf(signed, { verifier: { publicKey: { rawBytes: b64(key) } } }));
    const certificate = Buffer.concat([expiredCertificate(signed.spki), Buffer.of(0)]);
    await refused(requestOf(signed, { verifier: { x509Certificate: { rawBytes: b64(certificate) } } }));
  }
  const [zero, one] = [Buffer.of(0), Buffer.of(1)];
  for (const content of [der(zero, one), der(one, zero), der(zero, zero), Buffer.alloc(64)]) {
    await refused(requestOf(p256('B21'), { content }));
  }
  const signed = p256('B21');
  await refused(requestOf(signed, { verifier: { x509Certificate: { rawBytes: b64(signed.spki) } } }));
  const certificate = b64(expiredCertificate(signed.spki));
  await refused(requestOf(signed, { verifier: { publicKey: { rawBytes: certificate } } }));
});

test('B22 two of a oneof, unknown fields at any depth, and what is no request are refused', async () => {
  const rawBytes = b64(p256('B22').spki);
  await refused(
    changed('signature.verifier.x509Certificate', { rawBytes }),
    /oneof .*Verifier\.verifier is already set/,
  );
  const both = { ...requestOf(p256('B22')), dsseRequestV002: {} };
  await refused(both, /oneof .*CreateEntryRequest\.spec is already set/);
  for (const path of ['x', 'signature.x', 'signature.verifier.x', 'signature.verifier.publicKey.x']) {
    await refused(changed(path, 1), /^proto:.* unknown field "x"$/);
  }
  await refused({ ...requestOf(p256('B22')), x: null }, /unknown field "x"/);
  const twice = `{"hashedRekordRequestV002":{"digest":"AAAA","digest":"AAAA"}}`;
  await refused(Buffer.from(twice), /duplicate field "digest"/);
  for (const text of ['', '{}', '{"hashedRekordRequestV002":null}']) await refused(Buffer.from(text), NO_TYPE);
  for (const text of [
    '[]',
    'null',
    '1',
    '"x"',
    '{',
    '{"hashedRekordRequestV002":[]}',
    'NaN',
    '{"digest":NaN}',
    '\ufeff{}',
  ]) {
    await refused(Buffer.from(text), /./);
  }
  const wrong = ['{"hashedRekordRequestV002":{"digest":"*"}}', '{"hashedRekordRequestV002":{"digest":7}}'];
  for (const text of wrong) await refused(Buffer.from(text), /^proto: .*invalid value for bytes field digest/);
  for (const keyDetails of ['"5"', '"NONE"', '5.5', '2147483648', 'true', 'NaN', '{}']) {
    const text = `{"hashedRekordRequestV002":{"signature":{"verifier":{"keyDetails":${keyDetails}}}}}`;
    await refused(Buffer.from(text), /./);
  }
  await refused(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), /./);
});

test('B23 a DSSE request: 201 as hashedrekord with one signature, refused with none or two, or where it is off', async (t) => {
  const key = newKey();
  const { leaf } = verified(await post(server.port, dsse(key, '{"B":23}')), log);
  assert.match(leaf.toString(), /^\{"apiVersion":"0\.0\.2","kind":"hashedrekord",/);
  for (const [signatures, verifiers] of [
    [0, 1],
    [2, 1],
    [1, 0],
    [1, 2],
    [2, 2],
    [0, 0],
  ]) {
    await refused(dsse(key, '{"B":24}', signatures, verifiers), NO_TYPE);
  }
  const off = await startServer({ logs: [{ name: 'off', kind: 'rekor-v2', create: true, ...log, dsse: false }] });
  t.after(() => off.close());
  assertRefused(await post(off.port, dsse(key, '{"B":23}')), 400, 3, NO_TYPE);
  verified(await post(off.port, hashedRekord(key, 'still taken')), log);
});

/** The order of P-256. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

test('B27 the other form of an ECDSA signature (s → n − s) is another entry: it holds as well, and is taken', async () => {
  const pem = readFileSync(new URL('../../../test/vectors/recorded/keys/c-p256.pem', import.meta.url));
  const key = createPrivateKey(pem);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const message = Buffer.from('B27');
  const p1363 = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
  const s = BigInt(`0x${p1363.subarray(32).toString('hex')}`);
  const other = Buffer.from((N - s).toString(16).padStart(64, '0'), 'hex');
  const unsigned = (bytes: Buffer): Buffer => {
    const first = bytes.findIndex((byte) => byte !== 0);
    const short = bytes.subarray(first);
    return (short[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), short]) : short;
  };
  const digest = createHash('sha256').update(message).digest();
  const leaves = [];
  for (const half of [p1363.subarray(32), other]) {
    const signature = der(unsigned(p1363.subarray(0, 32)), unsigned(half));
    const signed: Signed = { label: 'PKIX_ECDSA_P256_SHA_256', algorithm: 'SHA2_256', spki, digest, signature };
    leaves.push(verified(await post(server.port, requestOf(signed)), log).leaf.toString());
  }
  assert.notEqual(leaves[0], leaves[1]);
});

test('nothing that was refused is in the log, and it is sound', async () => {
  assert.equal(await treeSize(server.port), 3);
  assert.deepEqual((await server.handle.fsck('v2')).problems, []);
});
