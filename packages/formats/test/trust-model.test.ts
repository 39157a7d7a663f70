import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test, { before } from 'node:test';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type SignatureAlgorithm } from '@sigstead/keys';
import {
  buildTrustedRoot,
  checkTrustedRoot,
  refuseInternalUrls,
  type TrustErrorCode,
  trustWarnings,
} from '../src/index.ts';
import {
  coded,
  newSpki,
  newTrust,
  NOW_MS,
  type Spoil,
  START_MS,
  type Trust,
  tsaWith,
  validFor,
} from './support/trust-model.ts';

let ca: Trust['ca'];
let tsa: Trust['tsa'];
let model: Trust['model'];
before(async () => {
  ({ ca, tsa, model } = await newTrust());
});

test('A1, A4: the root parses, holds legacy media type and the fields of v0.1 only, and its own strict reader takes it back', () => {
  const root = buildTrustedRoot(model);
  assert.equal(root.mediaType, 'application/vnd.dev.sigstore.trustedroot+json;version=0.1');
  assert.deepEqual(Object.keys(root.tlogs[0]!).toSorted(), ['baseUrl', 'hashAlgorithm', 'logId', 'publicKey']);
  assert.deepEqual(Object.keys(root.certificateAuthorities[0]!).toSorted(), [
    'certChain',
    'subject',
    'uri',
    'validFor',
  ]);
  const text = JSON.stringify(root);
  assert.doesNotMatch(text, /operator|checkpointKeyId|BEGIN/);
  const message = TrustedRoot.fromJSON(JSON.parse(text));
  assert.deepStrictEqual(TrustedRoot.fromJSON(TrustedRoot.toJSON(message)), message);
  assert.deepStrictEqual(buildTrustedRoot(checkTrustedRoot(JSON.parse(text))), root);
});

test('A3: log ids: hash of the key for Rekor v1, CT and ECDSA v2; hash over origin and key for Ed25519 and RSA v2', () => {
  const sha256 = (...parts: (Uint8Array | string)[]): string =>
    parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('base64');
  const [ed, rsa, p256] = [newSpki('ed25519'), newSpki('rsa-pkcs1-sha256'), newSpki()];
  const idOf = (kind: 'rekor-v1' | 'rekor-v2', spki: Uint8Array): string | undefined =>
    buildTrustedRoot({ ...model, tlogs: [{ kind, baseUrl: 'https://log.example.org:8443/path', spki, validFor }] })
      .tlogs[0]?.logId.keyId;
  assert.equal(idOf('rekor-v2', ed), sha256('log.example.org\n', Uint8Array.of(1), ed.subarray(12)));
  assert.equal(idOf('rekor-v2', rsa), sha256('log.example.org\n', Uint8Array.of(0xff), 'PKIX-RSA-PKCS#1v1.5', rsa));
  assert.equal(idOf('rekor-v2', p256), sha256(p256));
  for (const spki of [ed, rsa, p256]) assert.equal(idOf('rekor-v1', spki), sha256(spki));
});

test('A2: key details follow from the key; those of another key are refused', () => {
  const detailsOf = (algorithm: SignatureAlgorithm): string | undefined =>
    buildTrustedRoot({
      ...model,
      ctlogs: [{ kind: 'ct', baseUrl: 'https://ct.example.org', spki: newSpki(algorithm), validFor }],
    }).ctlogs[0]?.publicKey.keyDetails;
  assert.equal(detailsOf('ecdsa-p256-sha256'), 'PKIX_ECDSA_P256_SHA_256');
  assert.equal(detailsOf('ecdsa-p384-sha384'), 'PKIX_ECDSA_P384_SHA_384');
  assert.equal(detailsOf('ecdsa-p521-sha512'), 'PKIX_ECDSA_P521_SHA_512');
  assert.equal(detailsOf('ed25519'), 'PKIX_ED25519');
  assert.equal(detailsOf('rsa-pkcs1-sha256'), 'PKIX_RSA_PKCS1V15_3072_SHA256');
});

const tlog =
  (change: object): Spoil =>
  (m) => ({ ...m, tlogs: [{ ...m.tlogs[0]!, ...change }] });
const fulcio =
  (chain: () => Uint8Array[]): Spoil =>
  (m) => ({ ...m, certificateAuthorities: [{ ...m.certificateAuthorities[0]!, chain: chain() }] });
const stamp =
  (change: () => object): Spoil =>
  (m) => ({ ...m, timestampAuthorities: [{ ...m.timestampAuthorities[0]!, ...change() }] });
const window = (value: unknown): Spoil => tlog({ validFor: value });
const pem = (): Uint8Array => Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');

const REFUSED: [name: string, code: TrustErrorCode, spoil: Spoil][] = [
  [
    'A2: PEM as key',
    'pem_not_der',
    tlog({ spki: Buffer.from('-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n') }),
  ],
  ['A2: PEM as certificate', 'pem_not_der', fulcio(() => [pem()])],
  ['A2: a certificate as key', 'key_invalid', (m) => tlog({ spki: ca.root })(m)],
  [
    'A2: a key with a byte too many',
    'key_invalid',
    (m) => tlog({ spki: Buffer.concat([m.tlogs[0]!.spki, Uint8Array.of(0)]) })(m),
  ],
  ['A2: no key', 'key_invalid', tlog({ spki: new Uint8Array() })],
  ['A2: a key as certificate', 'certificate_invalid', fulcio(() => [newSpki()])],
  [
    'A2: a certificate with a byte too many',
    'certificate_invalid',
    fulcio(() => [Buffer.concat([ca.root, Uint8Array.of(0)])]),
  ],
  ['A2: deprecated key details', 'key_details_mismatch', tlog({ keyDetails: 'PKCS1_RSA_PKCS1V5' })],
  ['A5: no window', 'start_missing', window(undefined)],
  ['A5: no start', 'start_missing', window({ endMs: NOW_MS })],
  ['A5: a start that is no time', 'window_invalid', window({ startMs: Number.NaN })],
  ['A5: an end before the start', 'window_invalid', window({ startMs: NOW_MS, endMs: START_MS })],
  [
    'A6: an origin with port',
    'origin_mismatch',
    tlog({ baseUrl: 'https://sign.example.org:8443', origin: 'sign.example.org:8443' }),
  ],
  ['A6: an origin with path', 'origin_mismatch', tlog({ origin: 'sign.example.org/log' })],
  ['A6: an origin of another host', 'origin_mismatch', tlog({ origin: 'log.example.org' })],
  [
    'A7: two v2 logs on one host name, whatever port and path',
    'origin_duplicate',
    (m) => ({
      ...m,
      tlogs: [...m.tlogs, { ...m.tlogs[0]!, spki: newSpki(), baseUrl: 'https://sign.example.org:444/two' }],
    }),
  ],
  [
    'one log twice',
    'log_duplicate',
    (m) => ({ ...m, tlogs: [...m.tlogs, { ...m.tlogs[0]!, baseUrl: 'https://other.example.org' }] }),
  ],
  ['A8: chain in the wrong order', 'chain_order', fulcio(() => [ca.root, ca.intermediate])],
  ['A8: issuer missing', 'anchor_not_self_signed', fulcio(() => [ca.intermediate])],
  ['A8: an issuer of another chain', 'chain_order', fulcio(() => [ca.intermediate, tsa.root])],
  ['A8: an end-entity certificate', 'chain_not_ca', fulcio(() => [tsa.leaf, tsa.intermediate, tsa.root])],
  ['A8: an empty chain', 'chain_empty', fulcio(() => [])],
  [
    'one chain twice',
    'authority_duplicate',
    (m) => ({ ...m, certificateAuthorities: [...m.certificateAuthorities, ...m.certificateAuthorities] }),
  ],
  ['A9: a TSA of one certificate', 'tsa_chain_short', stamp(() => ({ chain: [tsa.root] }))],
  ['A9: a TSA with its root first', 'chain_order', stamp(() => ({ chain: [tsa.root, tsa.intermediate, tsa.leaf] }))],
  ['A9: a CA chain as TSA', 'tsa_leaf_is_ca', stamp(() => ({ chain: [ca.intermediate, ca.root] }))],
  ['A9: a TSA URL without path', 'tsa_url_without_path', stamp(() => ({ uri: 'https://tsa.example.org' }))],
  ['a URL of another scheme', 'url_invalid', tlog({ baseUrl: 'ftp://sign.example.org' })],
  ['a URL without scheme', 'url_invalid', tlog({ baseUrl: 'sign.example.org' })],
  ['a URL with credentials', 'url_invalid', tlog({ baseUrl: 'https://me:secret@sign.example.org' })],
  ['a URL with query', 'url_invalid', tlog({ baseUrl: 'https://sign.example.org?x=1' })],
  ['a URL with white space', 'url_invalid', tlog({ baseUrl: 'https://sign.example.org/ ' })],
];

for (const [name, code, spoil] of REFUSED) {
  test(`refused in a model: ${name}`, () => {
    assert.throws(() => buildTrustedRoot(spoil(model)), coded(code));
  });
}

test('A9: a TSA leaf whose extended key usage is not critical, or not alone, is refused', async () => {
  for (const usages of [
    { critical: false, oids: ['1.3.6.1.5.5.7.3.8'] },
    { critical: true, oids: ['1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.3'] },
    undefined,
  ]) {
    const chain = await tsaWith(usages);
    assert.throws(() => buildTrustedRoot(stamp(() => ({ chain }))(model)), coded('tsa_extended_key_usage'));
  }
  buildTrustedRoot(stamp(() => ({ chain: [tsa.leaf, tsa.intermediate, tsa.root] }))(model));
});

test('A10: internal and plain http URLs are told, and refused where that is asked for', () => {
  assert.deepEqual(trustWarnings(model), []);
  for (const host of [
    'rekor.sigstead.svc',
    'rekor.svc.cluster.local',
    'localhost',
    'a.localhost',
    '127.0.0.1',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.1',
    '192.168.1.1',
    '169.254.1.1',
    '[::1]',
    '[fd00::1]',
    '[fe80::1]',
    'rekor',
    'log.internal',
  ]) {
    const inside = tlog({ baseUrl: `https://${host}` })(model);
    assert.deepEqual(
      trustWarnings(inside).map(({ code, path }) => `${code} ${path}`),
      ['url_internal tlogs[0].baseUrl'],
      host,
    );
    assert.throws(() => refuseInternalUrls(inside), coded('url_internal'));
  }
  for (const host of ['172.32.0.1', '11.0.0.1', '8.8.8.8', 'svc.example.org', 'local.example.org', '[2001:db8::1]']) {
    assert.deepEqual(trustWarnings(tlog({ baseUrl: `https://${host}` })(model)), [], host);
  }
  assert.deepEqual(
    trustWarnings(tlog({ baseUrl: 'http://sign.example.org' })(model)).map(({ code }) => code),
    ['url_plain_http'],
  );
  assert.deepEqual(
    trustWarnings(tlog({ spki: newSpki('ed25519') })(model)).map(({ code }) => code),
    ['key_not_p256'],
  );
});

test('A12: entries are sorted by start, overlapping and future windows are kept', () => {
  const [a, b, c] = [newSpki(), newSpki(), newSpki()];
  const log = (spki: Uint8Array, startMs: number, endMs?: number) => ({
    kind: 'ct' as const,
    baseUrl: 'https://ct.example.org',
    spki,
    validFor: endMs === undefined ? { startMs } : { startMs, endMs },
  });
  const { ctlogs } = buildTrustedRoot({
    ...model,
    ctlogs: [log(c, NOW_MS * 2), log(b, START_MS, NOW_MS), log(a, 0, START_MS + 999)],
  });
  assert.deepEqual(
    ctlogs.map(({ publicKey }) => publicKey.rawBytes),
    [a, b, c].map((spki) => Buffer.from(spki).toString('base64')),
  );
  assert.deepEqual(ctlogs[0]?.publicKey.validFor, { start: '1970-01-01T00:00:00Z', end: '2026-11-01T00:00:00.999Z' });
});
