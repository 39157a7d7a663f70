import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, suite, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { silentLogger, systemClock } from '@sigstead/platform';
import fc from 'fast-check';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { composeDevOidc, exampleCiClaims, OidcError } from '../src/index.ts';
import { PUBLIC_URL, type Rig, rig, testSigner } from './harness.ts';

let r: Rig;
before(async () => {
  r = await rig();
});

function post(payload: unknown, headers: Record<string, string> = {}) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return r.app.inject({
    method: 'POST',
    url: '/oidc/dev/token',
    payload: text,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

suite('tokens without a browser', () => {
  test('email, over HTTP and in process', async () => {
    const over = (await post({ issuer: 'email', email: 'you@example.com', lifetime: 60 })).json().token;
    const inside = await r.oidc.token({ issuer: 'email', email: 'you@example.com', lifetimeSeconds: 60 });
    assert.deepEqual(decodeJwt(over), decodeJwt(inside));
    assert.equal(decodeProtectedHeader(over).alg, 'RS256');
    assert.equal(decodeJwt(over).exp! - decodeJwt(over).iat!, 60);
  });

  test('claims of uri and ci are kept, but not those that make it this issuer’s token', async () => {
    const claims = {
      ...exampleCiClaims(),
      iss: 'https://evil.example',
      aud: 'other',
      exp: 1,
      nbf: 9e9,
      iat: 1,
      nonce: 'n',
    };
    const token = decodeJwt((await post({ issuer: 'ci', claims })).json().token);
    assert.equal(token.iss, `${PUBLIC_URL}/oidc/ci`);
    assert.equal(token.aud, 'sigstore');
    assert.equal(token.iat, Math.floor(r.nowMs() / 1000));
    assert.equal(token.nbf, token.iat);
    assert.equal(token.exp, token.iat + 3600);
    assert.equal(token['nonce'], undefined);
    assert.equal(token['job_workflow_ref'], exampleCiClaims()['job_workflow_ref']);
  });

  const bad: [string, unknown][] = [
    ['no issuer', { email: 'a@example.com' }],
    ['an unknown issuer', { issuer: 'github', email: 'a@example.com' }],
    ['an issuer from the prototype', { issuer: 'constructor', email: 'a@example.com' }],
    ['no email', { issuer: 'email' }],
    ['an email with a newline', { issuer: 'email', email: 'a@example.com\nb' }],
    ['an email that is a list', { issuer: 'email', email: ['a@example.com'] }],
    ['an email too long', { issuer: 'email', email: `${'a'.repeat(250)}@example.com` }],
    ['claims at the email issuer', { issuer: 'email', email: 'a@example.com', claims: {} }],
    ['an email at the ci issuer', { issuer: 'ci', email: 'a@example.com' }],
    ['claims without sub', { issuer: 'uri', claims: {} }],
    ['claims that are a list', { issuer: 'uri', claims: ['sub'] }],
    ['claims nested too deep', `{"issuer":"ci","claims":{"sub":"a","x":${'['.repeat(5000)}${']'.repeat(5000)}}}`],
    ['claims too large', { issuer: 'ci', claims: { sub: 'a', x: 'y'.repeat(17_000) } }],
    ['a lifetime of nothing', { issuer: 'email', email: 'a@example.com', lifetime: 0 }],
    ['a lifetime of years', { issuer: 'email', email: 'a@example.com', lifetime: 1e9 }],
    ['a lifetime as text', { issuer: 'email', email: 'a@example.com', lifetime: '60' }],
    ['an unknown member', { issuer: 'email', email: 'a@example.com', admin: true }],
    ['no JSON', 'issuer=email'],
    ['JSON that is no object', '[]'],
    ['nothing', ''],
  ];
  for (const [name, payload] of bad) {
    test(`refused: ${name}`, async () => {
      const answer = await post(payload);
      assert.equal(answer.statusCode, 400, answer.body);
      assert.equal(answer.json().error, 'invalid_request');
      assert.equal(answer.json().token, undefined);
    });
  }

  test('web pages are refused: simple content types, any Origin, fetch metadata, other methods', async () => {
    const body = { issuer: 'email', email: 'a@example.com' };
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { origin: PUBLIC_URL },
      { origin: 'null' },
      { 'sec-fetch-site': 'same-origin' },
    ]) {
      assert.equal((await post(body, headers)).statusCode, 400, JSON.stringify(headers));
    }
    for (const method of ['GET', 'OPTIONS', 'PUT'] as const) {
      const answer = await r.app.inject({ method, url: '/oidc/dev/token', headers: { origin: 'http://evil.example' } });
      assert.equal(answer.statusCode, 405);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
  });

  test('a body over the limit is refused', async () => {
    const answer = await post('x'.repeat(70_000));
    assert.equal(answer.statusCode, 400);
  });

  test('no text makes it fail with a server error', async () => {
    const anything = fc.oneof(
      fc.json({ maxDepth: 4 }),
      fc.string({ unit: 'binary' }),
      fc.object().map((o) => JSON.stringify(o)),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (text) => {
        assert.ok((await post(text)).statusCode < 500);
      }),
      { numRuns: 300 },
    );
  });
});

suite('the service refuses to exist', () => {
  const options = {
    logger: silentLogger,
    clock: systemClock,
    random: randomBytes,
    publicUrl: () => PUBLIC_URL,
    signer: testSigner(),
  };

  test('outside development', async () => {
    const mode = 'production' as unknown as 'dev';
    await assert.rejects(composeDevOidc({ ...options, mode }), /refuse to run in mode production/);
  });

  test('with a key that is not RSA', async () => {
    const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
    await assert.rejects(composeDevOidc({ ...options, mode: 'dev', signer }), /need an RSA key/);
  });

  test('a wish in process is checked like one from outside', async () => {
    await assert.rejects(async () => r.oidc.token({ issuer: 'email', email: 'nobody' }), OidcError);
  });
});
