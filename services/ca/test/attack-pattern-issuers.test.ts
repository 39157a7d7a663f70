import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveIssuers } from '../src/config.ts';
import { entryFor, IssuerDirectory } from '../src/oidc/directory.ts';
import type { FetchJson } from '../src/oidc/ports.ts';

/* Issuers behind a pattern: whoever can send a token, signed or not, chooses which of them is looked up. */

const REAL = 'https://real.example.com';

function world(): { directory: IssuerDirectory; asked: string[] } {
  const asked: string[] = [];
  const fetchJson: FetchJson = ({ url, issuer }) => {
    asked.push(issuer);
    if (issuer !== REAL) return Promise.reject(new Error('no such host'));
    const value = url.endsWith('/keys') ? { keys: [] } : { issuer, jwks_uri: `${issuer}/keys` };
    return Promise.resolve(Buffer.from(JSON.stringify(value)));
  };
  const entry = { type: 'kubernetes', 'client-id': 'sigstore' };
  const issuers = resolveIssuers({ issuers: {}, metaIssuers: { 'https://*.example.com': entry } });
  return {
    directory: new IssuerDirectory(issuers, { fetchJson, clock: { nowMs: () => 0 }, onFetch: () => undefined }),
    asked,
  };
}

test('a flood of invented issuers does not push out one whose keys are known', async () => {
  const { directory, asked } = world();
  await directory.find(REAL)?.keys.current();
  const before = asked.length;
  for (let i = 0; i < 500; i += 1) {
    const invented = directory.find(`https://invented-${i}.example.com`);
    assert.ok(invented);
    await assert.rejects(invented.keys.current());
  }
  assert.equal(directory.find(REAL)?.keys.areKnown, true);
  await directory.find(REAL)?.keys.current();
  assert.equal(asked.filter((issuer) => issuer === REAL).length, before);
});

test('an invented issuer is remembered until others come: its failure is not asked for again and again', async () => {
  const { directory, asked } = world();
  for (let i = 0; i < 5; i += 1) {
    const invented = directory.find('https://invented.example.com');
    await assert.rejects(async () => invented?.keys.current());
  }
  assert.equal(asked.length, 1);
});

test('an entry goes to its issuer, and through its pattern to those that fit it', () => {
  const entry = { type: 'kubernetes', 'client-id': 'sigstore' };
  const pem = (name: string): string => `-----BEGIN CERTIFICATE-----\n${name}`;
  const issuers = resolveIssuers({
    issuers: { 'https://one.example.com': { ...entry, 'ca-cert': pem('one') } },
    metaIssuers: { 'https://*.example.com': { ...entry, 'ca-cert': pem('any') } },
  });
  const certificate = (issuer: string): string | undefined => entryFor(issuers, issuer)?.caCertificate;
  assert.equal(certificate('https://one.example.com'), pem('one'));
  assert.equal(certificate('https://two.example.com'), pem('any'));
  assert.equal(certificate('https://*.example.com'), undefined);
  assert.equal(certificate('https://two.example.org'), undefined);
});
