import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { IssuerDirectory, type IssuerSettings } from '../src/oidc/directory.ts';
import { importJwk, type IssuerKey, isJwsAlgorithm, verifyJws } from '../src/oidc/jws.ts';
import type { FetchJson } from '../src/oidc/ports.ts';
import { OidcTokenVerifier } from '../src/oidc/verifier.ts';
import { resolveIssuers } from '../src/config.ts';
import { NOW_MS } from './support/tokens.ts';

const ISSUER = 'https://issuer.example.com';

interface World {
  readonly verifier: OidcTokenVerifier;
  readonly clock: { value: number };
  /** Fetches of the discovery document. */
  readonly fetches: () => number;
  /** Replaces the issuer's keys. */
  rotate(kid: string): Promise<void>;
  token(options?: { kid?: string; signWith?: CryptoKey; alg?: string }): Promise<string>;
  outage: boolean;
}

const settings = (url = ISSUER, isMeta = false): IssuerSettings[] => {
  const entry = { type: 'email', 'client-id': 'sigstore' };
  return resolveIssuers(isMeta ? { issuers: {}, metaIssuers: { [url]: entry } } : { issuers: { [url]: entry } });
};

async function world(): Promise<World> {
  const clock = { value: NOW_MS, nowMs: () => clock.value };
  let discoveries = 0;
  let keys: { jwk: object; privateKey: CryptoKey; kid: string } | undefined;
  const made = {
    clock,
    outage: false,
    fetches: () => discoveries,
    async rotate(kid: string) {
      const pair = await generateKeyPair('ES256', { extractable: true });
      keys = { jwk: { ...(await exportJWK(pair.publicKey)), kid }, privateKey: pair.privateKey, kid };
    },
    token: ({ kid = keys?.kid, signWith = keys?.privateKey, alg = 'ES256' }: Parameters<World['token']>[0] = {}) =>
      new SignJWT({ email: 'dev@example.com', email_verified: true })
        .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
        .setIssuer(ISSUER)
        .setAudience('sigstore')
        .setExpirationTime(Math.floor(clock.value / 1000) + 600)
        .sign(signWith as CryptoKey),
  };
  const fetchJson: FetchJson = ({ url }) => {
    if (url.includes('well-known')) discoveries += 1;
    if (made.outage) return Promise.reject(new Error('down'));
    const algorithms = ['ES256'];
    const document = { issuer: ISSUER, jwks_uri: `${ISSUER}/keys`, id_token_signing_alg_values_supported: algorithms };
    const value = url.endsWith('/keys') ? { keys: [keys?.jwk] } : document;
    return Promise.resolve(Buffer.from(JSON.stringify(value)));
  };
  const directory = new IssuerDirectory(settings(), { fetchJson, clock, onFetch: () => undefined });
  await made.rotate('k1');
  return Object.assign(made, { verifier: new OidcTokenVerifier({ directory, clock }) });
}

test('keys are fetched when first needed, then kept', async () => {
  const at = await world();
  for (let i = 0; i < 5; i += 1) assert.equal((await at.verifier.verify(await at.token())).issuer, ISSUER);
  assert.equal(at.fetches(), 1);
});

test('34 a new kid: one fetch at once, then it works', async () => {
  const at = await world();
  await at.verifier.verify(await at.token());
  await at.rotate('k2');
  await at.verifier.verify(await at.token());
  assert.equal(at.fetches(), 2);
});

test('34 rotation again within the pause is refused, and works after it', async () => {
  const at = await world();
  await at.verifier.verify(await at.token());
  await at.rotate('k2');
  await at.verifier.verify(await at.token());
  await at.rotate('k3');
  await assert.rejects(at.verifier.verify(await at.token()));
  at.clock.value += 30_000;
  await at.verifier.verify(await at.token());
  assert.equal(at.fetches(), 3);
});

test('35 a thousand tokens with unknown kids at once cost two fetches', async () => {
  const at = await world();
  const tokens = await Promise.all(Array.from({ length: 1000 }, (_, i) => at.token({ kid: `forged-${i}` })));
  const verdicts = await Promise.allSettled(tokens.map((token) => at.verifier.verify(token)));
  assert.ok(verdicts.every(({ status }) => status === 'rejected'));
  assert.equal(at.fetches(), 2);
});

test('36 issuer down at first, back later: no restart, and no fetch for each token meanwhile', async () => {
  const at = await world();
  at.outage = true;
  const token = await at.token();
  for (let i = 0; i < 50; i += 1) await assert.rejects(at.verifier.verify(token));
  assert.equal(at.fetches(), 1);
  at.outage = false;
  at.clock.value += 5_000;
  await at.verifier.verify(token);
});

test('known keys serve on through an outage, up to a day, and withdrawn keys are forgotten after ten minutes', async () => {
  const at = await world();
  const token = (): Promise<string> => at.token();
  await at.verifier.verify(await token());
  at.outage = true;
  at.clock.value += 3_600_000;
  await at.verifier.verify(await token());
  at.clock.value += 24 * 3_600_000;
  await assert.rejects(at.verifier.verify(await token()));
  const withdrawn = await world();
  await withdrawn.verifier.verify(await withdrawn.token());
  const old = await withdrawn.token();
  await withdrawn.rotate('k2');
  withdrawn.clock.value += 9 * 60_000;
  await withdrawn.verifier.verify(old);
  withdrawn.clock.value += 60_000;
  await assert.rejects(withdrawn.verifier.verify(old));
});

test('a signature by another key under a known kid is refused, also after a fetch', async () => {
  const at = await world();
  const { privateKey } = await generateKeyPair('ES256');
  await assert.rejects(at.verifier.verify(await at.token({ signWith: privateKey })));
});

test('an expired token of a known issuer costs no fetch', async () => {
  const at = await world();
  const token = await at.token();
  at.clock.value += 601_000;
  await assert.rejects(at.verifier.verify(token));
  assert.equal(at.fetches(), 0);
});

test('jose and this verifier agree on every algorithm; a key serves only its own', async () => {
  const names = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
  const made = await Promise.all(
    names.map(async (name) => {
      assert.ok(isJwsAlgorithm(name));
      const pair = await generateKeyPair(name, { extractable: true });
      const token = await new SignJWT({}).setProtectedHeader({ alg: name }).sign(pair.privateKey);
      const key = importJwk(await exportJWK(pair.publicKey));
      assert.ok(key);
      const input = Buffer.from(token.slice(0, token.lastIndexOf('.')));
      return {
        name,
        key,
        signed: { input, signature: Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url') },
      };
    }),
  );
  for (const one of made) {
    for (const other of made)
      assert.equal(verifyJws(other.name, one.key, one.signed), one === other, `${one.name} as ${other.name}`);
    const bound: IssuerKey = { ...one.key, algorithm: 'RS1' };
    assert.equal(verifyJws(one.name, bound, one.signed), false);
  }
});

test('keys that are of no use are as if absent', async () => {
  const { publicKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = (await exportJWK(publicKey)) as Record<string, unknown>;
  assert.ok(importJwk(jwk));
  const useless: Record<string, unknown>[] = [
    { ...jwk, use: 'enc' },
    { ...jwk, x: 'AAAA', crv: 'P-256' },
    { ...jwk, n: 'AQAB' },
    { kty: 'oct', k: 'AAAA' },
    { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' },
    { kty: 'OKP', crv: 'X25519', x: Buffer.alloc(32, 9).toString('base64url') },
    {},
  ];
  for (const each of useless) assert.equal(importJwk(each), undefined, JSON.stringify(each).slice(0, 80));
});

test('issuers that a pattern lets in are remembered in bounded number', () => {
  const clock = { nowMs: () => NOW_MS };
  const fetchJson: FetchJson = () => Promise.reject(new Error('unused'));
  const directory = new IssuerDirectory(settings('https://*.example.com/t', true), {
    fetchJson,
    clock,
    onFetch: () => undefined,
  });
  const first = directory.find('https://a0.example.com/t');
  assert.equal(directory.find('https://a0.example.com/t'), first);
  for (let i = 1; i <= 100; i += 1) assert.ok(directory.find(`https://a${i}.example.com/t`));
  assert.notEqual(directory.find('https://a0.example.com/t'), first);
  assert.equal(directory.find('https://a.b.example.com/t'), undefined);
});

test('issuers invented behind a pattern cost a bounded number of fetches at once', async () => {
  const clock = { nowMs: () => NOW_MS };
  let underWay = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  const fetchJson: FetchJson = async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise<void>((resolve) => waiting.push(resolve));
    underWay -= 1;
    throw new Error('nothing here');
  };
  const directory = new IssuerDirectory(settings('https://*.example.com/t', true), {
    fetchJson,
    clock,
    onFetch: () => undefined,
  });
  const found = Array.from({ length: 90 }, (_, i) => {
    const known = directory.find(`https://a${i}.example.com/t`);
    assert.ok(known);
    return known.keys.current();
  });
  const verdicts = Promise.allSettled(found);
  for (const release of waiting) release();
  assert.ok((await verdicts).every(({ status }) => status === 'rejected'));
  assert.equal(most, 16);
});
