import assert from 'node:assert/strict';
import test, { before } from 'node:test';
import { SigningConfig } from '@sigstore/protobuf-specs';
import {
  buildClientTrustConfig,
  buildSigningConfig,
  buildTrustedRoot,
  type TrustErrorCode,
  type TrustModel,
} from '../src/index.ts';
import { coded, newSpki, newTrust, NOW_MS, type Spoil, START_MS, type Trust, validFor } from './support/trust-model.ts';

let model: Trust['model'];
before(async () => {
  ({ model } = await newTrust());
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
