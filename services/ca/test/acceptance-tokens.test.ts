import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, test } from 'node:test';
import { findExtension, Oid } from '@sigstead/formats';
import { type Harness, startHarness } from './support/harness.ts';
import { keyPem } from './support/recorded.ts';
import { EMAIL, EMAIL_ISSUER, emailToken, ID_ERROR, SIGNATURE_ERROR, v2, v2As } from './support/requests.ts';
import { issuerToken, makeToken } from './support/tokens.ts';
import { expectations, extensionText, sanText } from './support/expect.ts';

/* Acceptance checks of tokens and whom they name, numbered as in the reference page on the authority, §7. */

let at: Harness;
before(async () => {
  at = await startHarness();
});
after(() => at.close());
const { issued, refused } = expectations(() => at);

test('24 a token with one dot, with three, with millions', async () => {
  const token = emailToken();
  const before = at.issuers.asked.length;
  for (const bad of [
    token.slice(0, token.lastIndexOf('.')),
    `${token}.x`,
    '.'.repeat(3_000_000),
    'a.'.repeat(1_000_000),
  ]) {
    await refused(v2({ token: bad }), ID_ERROR);
  }
  assert.equal(at.issuers.asked.length, before);
});

test('25 alg none, and HS256 with the public key as secret', async () => {
  const claims = { iss: EMAIL_ISSUER, aud: 'sigstore', exp: '@now+600', email: EMAIL, email_verified: true };
  for (const alg of ['none', 'HS256', 'hs256', 'None', 'RS512']) {
    await refused(v2({ token: makeToken({ header: { alg, kid: 'rsa-1' }, claims, signAlg: alg }) }), ID_ERROR);
  }
});

test('26, 27 times: exp strict, nbf with five minutes of leeway', async () => {
  await refused(v2({ token: emailToken({ exp: '@now-1' }) }), ID_ERROR);
  await issued(v2({ token: emailToken({ exp: '@now' }) }));
  await issued(v2({ token: emailToken({ nbf: '@now+240' }) }));
  await refused(v2({ token: emailToken({ nbf: '@now+360' }) }), ID_ERROR);
});

test('28 audience in a list', async () => {
  await issued(v2({ token: emailToken({ aud: ['x', 'sigstore'] }) }));
  await refused(v2({ token: emailToken({ aud: ['x'] }) }), ID_ERROR);
});

test('29, 30, 31 an issuer nobody configured is refused and nothing is fetched', async () => {
  const before = at.issuers.asked.length;
  const strangers = [
    'http://stranger.example.net',
    'http://attacker/?http://localhost:28080/metaemail/A/x',
    'http://localhost:28080/metaemail/a.b/x',
    'http://localhost:28080/metaemail/a/b/x',
    'http://localhost:28080/metaemail//x',
    'http://localhost:28080/metaemail/a/x#',
    'http://a.b.example.com/wild',
    'http://user@a.example.com/wild',
  ];
  for (const iss of strangers) await refused(v2({ token: emailToken({ iss }) }), ID_ERROR);
  assert.equal(at.issuers.asked.length, before);
  await issued(v2({ token: emailToken({ iss: 'http://localhost:28080/metaemail/A-b_9/x' }) }));
  await issued(v2({ token: emailToken({ iss: 'http://tenant-1.example.com/wild' }) }));
});

test('32, 33 discovery that names another issuer, or leads to another host', async () => {
  await refused(v2({ token: emailToken({ iss: 'http://localhost:28080/wrongiss' }) }), ID_ERROR);
  await refused(v2({ token: emailToken({ iss: 'http://localhost:28080/redir' }) }), ID_ERROR);
});

test('37 email_verified decides, unless the issuer is excused', async () => {
  await refused(v2({ token: emailToken({ email_verified: false }) }), ID_ERROR);
  await refused(v2({ token: issuerToken(EMAIL_ISSUER, { email: EMAIL }) }), ID_ERROR);
  await issued(v2({ token: emailToken({ email_verified: 'true' }) }));
  await issued(v2({ token: issuerToken('http://localhost:28080/email-skip', { email: EMAIL }) }));
});

test('38 a federating issuer: both issuer extensions name the connector', async () => {
  const claims = {
    email: EMAIL,
    email_verified: true,
    sub: 'dex-sub',
    federated_claims: { connector_id: 'https://c' },
  };
  const leaf = await issued(v2({ token: issuerToken('http://localhost:28080/email-dex', claims) }));
  assert.deepEqual(
    [1, 8, 24].map((n) => extensionText(leaf, n)),
    ['https://c', 'https://c', 'dex-sub'],
  );
});

const USERNAME = 'http://accounts.example.com/username';

test('39, 40 user names: the bytes of the SAN, proof over the bare name; no `!`, no address', async () => {
  const leaf = await issued(v2As(USERNAME, { sub: 'alice' }));
  const san = Buffer.from(findExtension(leaf, Oid.subjectAltName)?.value ?? []).toString('hex');
  const value = Buffer.from('alice!users.example.com').toString('hex');
  assert.equal(san, `3029a027060a2b0601040183bf300107a0190c17${value}`);
  await refused(
    v2({ token: issuerToken(USERNAME, { sub: 'alice' }), proofOver: 'alice!users.example.com' }),
    SIGNATURE_ERROR,
  );
  for (const sub of ['a!b', 'a@b.co']) await refused(v2As(USERNAME, { sub }), ID_ERROR);
});

test('42 SPIFFE IDs of another trust domain, and what is none', async () => {
  const issuer = 'http://localhost:28080/spiffe';
  assert.equal(sanText(await issued(v2As(issuer, { sub: 'spiffe://example.com/a' }))), 'spiffe://example.com/a');
  const bad = [
    'spiffe://other/x',
    'spiffe://example.com/',
    'spiffe://example.com/a/../b',
    'SPIFFE://example.com/a',
    'spiffe://example.com/a\n',
  ];
  for (const sub of bad) await refused(v2As(issuer, { sub }), ID_ERROR);
});

test('43 a service account; one without name or namespace is nobody', async () => {
  const issuer = 'http://localhost:28080/k8s';
  const claims = {
    sub: 'system:serviceaccount:n:s',
    'kubernetes.io': { namespace: 'n', serviceaccount: { name: 's' } },
  };
  const leaf = await issued(v2As(issuer, claims));
  assert.equal(sanText(leaf), 'https://kubernetes.io/namespaces/n/serviceaccounts/s');
  for (const account of [{}, { namespace: 'n' }, { serviceaccount: { name: 's' } }]) {
    await refused(v2As(issuer, { ...claims, 'kubernetes.io': account }), ID_ERROR);
  }
});

test('a chainguard subject never leaves the path of its issuer', async () => {
  const issuer = 'http://localhost:28080/chainguard';
  assert.equal(sanText(await issued(v2As(issuer, { sub: 'a/b' }))), `${issuer}/a/b`);
  for (const sub of ['../email', 'a/../../x', '..', '.', '/', '100%']) {
    assert.equal((await at.send(v2As(issuer, { sub }))).status, 400, sub);
  }
  const claims = { sub: 'a', email: EMAIL, email_verified: true };
  assert.equal(sanText(await issued(v2({ token: issuerToken(issuer, claims) }))), `${issuer}/a`);
});

test('41 a uri subject on another host or scheme', async () => {
  const issuer = 'http://localhost:28080/uri';
  for (const sub of ['http://example.com/u', 'https://localhost/u', 'http://LOCALHOST/u', 'dev@example.com', '%zz']) {
    await refused(v2As(issuer, { sub }), ID_ERROR);
  }
  assert.equal(sanText(await issued(v2As(issuer, { sub: 'http://localhost/u' }))), 'http://localhost/u');
});

test('an issuer in this process is asked in this process: its URL need not be reachable', async () => {
  const jwk = { ...createPublicKey(keyPem('oidc-rsa')).export({ format: 'jwk' }), kid: 'rsa-1' };
  const asked: string[] = [];
  const serve = (url: string): Buffer => {
    asked.push(url);
    const value = url.endsWith('/jwks') ? { keys: [jwk] } : { issuer: EMAIL_ISSUER, jwks_uri: `${EMAIL_ISSUER}/jwks` };
    return Buffer.from(JSON.stringify(value));
  };
  const fetchJson = (): Promise<never> => Promise.reject(new Error('no network here'));
  const shared = { connectionString: at.connectionString, issuers: at.issuers };
  const local = await startHarness({ fetchJson, inProcessIssuers: { [EMAIL_ISSUER]: serve } }, shared);
  try {
    assert.equal((await local.send(v2())).status, 200);
    assert.deepEqual(asked, [`${EMAIL_ISSUER}/.well-known/openid-configuration`, `${EMAIL_ISSUER}/jwks`]);
  } finally {
    await local.close();
  }
});
