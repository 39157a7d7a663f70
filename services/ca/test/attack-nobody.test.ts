import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJson } from '@sigstead/formats';
import { resolveIssuers } from '../src/config.ts';
import { CaError } from '../src/core/errors.ts';
import { principalOf } from '../src/core/identity/issuer-rule.ts';
import type { CertificateIdentity } from '../src/core/identity/principal.ts';
import type { IssuerEntry } from '../src/config.ts';

/* Verified tokens that name nobody, and rules by which somebody could name another. */

const ISSUER = 'https://issuer.example.com';

function identify(
  entry: Omit<IssuerEntry, 'client-id'>,
  claims: Readonly<Record<string, unknown>>,
): CertificateIdentity {
  const mapping = { 'subject-alternative-name-template': '{{ .san }}' };
  const config = { issuers: { [ISSUER]: { 'client-id': 'sigstore', ...entry } }, ciProviders: { mine: mapping } };
  const [issuer] = resolveIssuers(config);
  assert.ok(issuer);
  const { value } = parseJson(Buffer.from(JSON.stringify(claims)));
  assert.ok(value.kind === 'object');
  const subject = typeof claims['sub'] === 'string' ? claims['sub'] : '';
  const tokenSha256 = new Uint8Array(32);
  return principalOf({ issuer: ISSUER, subject, claims: value, rule: issuer.rule, tokenSha256 }).identity();
}

const refused = (code: string) => (error: unknown) => error instanceof CaError && error.code === code;

test('I7 a user name that is empty or absent is nobody', () => {
  const entry = { type: 'username', 'subject-domain': 'example.com' };
  for (const claims of [{}, { sub: '' }]) assert.throws(() => identify(entry, claims), refused('identity_token'));
  assert.equal(identify(entry, { sub: 'alice' }).name.value, 'alice!example.com');
});

test('I7 a mapping that gives an empty name certifies nobody', () => {
  const entry = { type: 'ci-provider', 'ci-provider': 'mine' };
  assert.throws(() => identify(entry, { sub: 's', san: '' }), refused('identity_unusable'));
  assert.equal(identify(entry, { sub: 's', san: 'https://example.com/a' }).name.value, 'https://example.com/a');
});

test('I7 no issuer behind a pattern may name another one as the issuer', () => {
  const entry = { 'client-id': 'sigstore', type: 'email', 'issuer-claim': '$.federated_claims.connector_id' };
  assert.throws(() => resolveIssuers({ issuers: {}, metaIssuers: { 'https://*.example.com': entry } }), /pattern/);
  assert.equal(resolveIssuers({ issuers: { [ISSUER]: entry } }).length, 1);
});
