import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test, { before } from 'node:test';
import { SigningConfig, TrustedRoot } from '@sigstore/protobuf-specs';
import { generatePrivateKeyPem, newCaChain, newTsaChain, type SignatureAlgorithm, signerFromPem } from '@sigstead/keys';
import {
  buildClientTrustConfig,
  buildSigningConfig,
  buildTrustedRoot,
  checkTrustedRoot,
  decodePem,
  refuseInternalUrls,
  TrustError,
  type TrustErrorCode,
  type TrustModel,
  trustWarnings,
} from '../src/index.ts';

const START_MS = Date.UTC(2026, 10, 1);
const NOW_MS = START_MS + 86_400_000;
const names = {
  organization: 'Example',
  commonName: 'example',
  notBefore: new Date(START_MS),
  rootYears: 10,
  intermediateYears: 9,
};
const der = (pem: string): Uint8Array => decodePem(pem)[0]!.bytes;
const newSpki = (algorithm: SignatureAlgorithm = 'ecdsa-p256-sha256'): Uint8Array =>
  signerFromPem(generatePrivateKeyPem(algorithm)).spki;
const validFor = { startMs: START_MS };

let ca: { root: Uint8Array; intermediate: Uint8Array };
let tsa: { root: Uint8Array; intermediate: Uint8Array; leaf: Uint8Array };
let model: TrustModel;

before(async () => {
  const caChain = await newCaChain(names);
  const tsaChain = await newTsaChain({ ...names, leafYears: 8 });
  ca = { root: der(caChain.root.certificatePem), intermediate: der(caChain.intermediate.certificatePem) };
  tsa = {
    root: der(tsaChain.root.certificatePem),
    intermediate: der(tsaChain.intermediate.certificatePem),
    leaf: der(tsaChain.leaf.certificatePem),
  };
  const base = 'https://sign.example.org';
  model = {
    operator: 'example.org',
    certificateAuthorities: [{ uri: base, chain: [ca.intermediate, ca.root], validFor }],
    tlogs: [{ kind: 'rekor-v2', baseUrl: base, spki: newSpki(), validFor }],
    ctlogs: [{ kind: 'ct', baseUrl: `${base}/ct/main`, spki: newSpki(), validFor }],
    timestampAuthorities: [
      { uri: `${base}/api/v1/timestamp`, chain: [tsa.leaf, tsa.intermediate, tsa.root], validFor },
    ],
    signing: {
      ca: [{ url: base, majorApiVersion: 1, validFor }],
      oidc: [{ url: 'https://idp.example.org', majorApiVersion: 1, validFor }],
      rekor: [{ url: base, majorApiVersion: 2, validFor }],
      tsa: [{ url: `${base}/api/v1/timestamp`, majorApiVersion: 1, validFor }],
    },
  };
});

const coded = (code: TrustErrorCode) => (error: unknown) =>
  error instanceof TrustError && (error.code === code || assert.fail(String(error)));

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

type Spoil = (m: TrustModel) => TrustModel;
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

/** Leaf and root by the library that is our oracle. */
async function tsaWith(usages: { critical: boolean; oids: string[] } | undefined): Promise<Uint8Array[]> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { Crypto } = await import('@peculiar/webcrypto');
  const crypto = new Crypto();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const [rootKeys, leafKeys] = [
    await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']),
    await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']),
  ];
  const common = {
    notBefore: new Date(START_MS),
    notAfter: new Date(START_MS + 1e10),
    signingAlgorithm: algorithm,
    signingKey: rootKeys.privateKey,
  };
  const basic = new x509.BasicConstraintsExtension(true, 1, true);
  const root = await x509.X509CertificateGenerator.create(
    {
      ...common,
      serialNumber: '01',
      subject: 'CN=root',
      issuer: 'CN=root',
      publicKey: rootKeys.publicKey,
      extensions: [basic],
    },
    crypto,
  );
  const keyUsage = new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true);
  const extensions = usages ? [keyUsage, new x509.ExtendedKeyUsageExtension(usages.oids, usages.critical)] : [keyUsage];
  const leaf = await x509.X509CertificateGenerator.create(
    { ...common, serialNumber: '02', subject: 'CN=leaf', issuer: 'CN=root', publicKey: leafKeys.publicKey, extensions },
    crypto,
  );
  return [new Uint8Array(leaf.rawData), new Uint8Array(root.rawData)];
}

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

test('A14: signing config: ANY without count, one operator, full TSA URL, newest first; it parses', () => {
  const older = { url: 'https://rekor1.example.org', majorApiVersion: 1, validFor: { startMs: START_MS - 5 } };
  const both: TrustModel = {
    ...model,
    tlogs: [...model.tlogs, { kind: 'rekor-v1', baseUrl: older.url, spki: newSpki(), validFor: older.validFor }],
    signing: { ...model.signing, rekor: [older, ...model.signing.rekor] },
  };
  const config = buildSigningConfig(both, { nowMs: NOW_MS });
  assert.equal(config.mediaType, 'application/vnd.dev.sigstore.signingconfig.v0.2+json');
  assert.deepEqual([config.rekorTlogConfig, config.tsaConfig], [{ selector: 'ANY' }, { selector: 'ANY' }]);
  assert.deepEqual(
    config.rekorTlogUrls.map(({ majorApiVersion }) => majorApiVersion),
    [2, 1],
  );
  assert.deepEqual(
    new Set([...config.caUrls, ...config.oidcUrls, ...config.tsaUrls].map(({ operator }) => operator)),
    new Set(['example.org']),
  );
  assert.equal(config.tsaUrls[0]?.url, 'https://sign.example.org/api/v1/timestamp');
  const message = SigningConfig.fromJSON(JSON.parse(JSON.stringify(config)));
  assert.deepStrictEqual(SigningConfig.fromJSON(SigningConfig.toJSON(message)), message);
  assert.equal(message.rekorTlogConfig?.count, 0);
});

const signing =
  (change: Partial<TrustModel['signing']>): Spoil =>
  (m) => ({ ...m, signing: { ...m.signing, ...change } });
const service = (url: string, majorApiVersion = 1, window: { startMs: number; endMs?: number } = validFor) => [
  { url, majorApiVersion, validFor: window },
];

const NO_CONFIG: [name: string, code: TrustErrorCode, spoil: Spoil][] = [
  [
    'a service that starts in the future',
    'service_not_live',
    signing({ ca: service('https://sign.example.org', 1, { startMs: NOW_MS + 1 }) }),
  ],
  ['a CA that the trusted root does not name', 'service_untrusted', signing({ ca: service('https://ca.example.org') })],
  [
    'a TSA that the trusted root does not name',
    'service_untrusted',
    signing({ tsa: service('https://tsa.example.org/api/v1/timestamp') }),
  ],
  [
    'a log that the trusted root knows as another version',
    'service_untrusted',
    signing({ rekor: service('https://sign.example.org', 1) }),
  ],
  [
    'a CA whose trust has ended',
    'service_untrusted',
    (m) => ({
      ...m,
      certificateAuthorities: [{ ...m.certificateAuthorities[0]!, validFor: { startMs: START_MS, endMs: NOW_MS - 1 } }],
    }),
  ],
  ['no CA', 'service_missing', signing({ ca: [] })],
  ['no log', 'service_missing', signing({ rekor: [] })],
  [
    'only a log whose time is over',
    'service_missing',
    signing({ rekor: service('https://sign.example.org', 2, { startMs: START_MS, endMs: NOW_MS - 1 }) }),
  ],
  ['Rekor v2 without a TSA', 'timestamping_required', signing({ tsa: [] })],
  ['a version that no client knows', 'api_version_unknown', signing({ ca: service('https://sign.example.org', 2) })],
  ['a TSA URL without path', 'tsa_url_without_path', signing({ tsa: service('https://sign.example.org') })],
  [
    'a service without start',
    'start_missing',
    signing({ oidc: [{ url: 'https://idp.example.org', majorApiVersion: 1, validFor: {} as { startMs: number } }] }),
  ],
  ['an operator with a scheme', 'operator_invalid', (m) => ({ ...m, operator: 'https://example.org' })],
];

for (const [name, code, spoil] of NO_CONFIG) {
  test(`A14: no signing config with ${name}`, () => {
    assert.throws(() => buildSigningConfig(spoil(model), { nowMs: NOW_MS }), coded(code));
  });
}

test('A16: the client trust config holds both documents as they are', () => {
  const config = buildClientTrustConfig(model, { nowMs: NOW_MS });
  assert.deepEqual(Object.keys(config), ['mediaType', 'trustedRoot', 'signingConfig']);
  assert.equal(config.mediaType, 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json');
  assert.deepEqual(config.trustedRoot, buildTrustedRoot(model));
  assert.deepEqual(config.signingConfig, buildSigningConfig(model, { nowMs: NOW_MS }));
});
