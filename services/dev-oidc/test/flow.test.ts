import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import {
  exchange,
  get,
  newLogin,
  postForm,
  PUBLIC_URL,
  query,
  readForm,
  REDIRECT,
  type Rig,
  rig,
  signIn,
} from './harness.ts';

let r: Rig;
before(async () => {
  r = await rig();
});

async function verify(token: string, issuer: string) {
  const jwks = JSON.parse((await get(r.app, `${new URL(issuer).pathname}/jwks`)).body) as JSONWebKeySet;
  return jwtVerify(token, createLocalJWKSet(jwks), {
    issuer,
    audience: 'sigstore',
    algorithms: ['RS256'],
    currentDate: new Date(r.nowMs()),
  });
}

async function codeFor(login = newLogin()): Promise<string> {
  return (await signIn(r.app, '/oidc', login, { email: 'a@example.com' })).searchParams.get('code')!;
}

suite('discovery', () => {
  for (const path of ['/oidc', '/oidc/uri', '/oidc/ci']) {
    test(`${path} names itself exactly, S256 and RS256 only, and no device flow`, async () => {
      const answer = await get(r.app, `${path}/.well-known/openid-configuration`);
      assert.equal(answer.statusCode, 200);
      assert.equal(answer.headers['content-type'], 'application/json');
      const document = answer.json();
      assert.equal(document.issuer, PUBLIC_URL + path);
      assert.deepEqual(document.code_challenge_methods_supported, ['S256']);
      assert.deepEqual(document.id_token_signing_alg_values_supported, ['RS256']);
      assert.equal(document.device_authorization_endpoint, undefined);
      for (const key of ['authorization_endpoint', 'token_endpoint', 'jwks_uri']) {
        assert.ok(document[key].startsWith(`${PUBLIC_URL}${path}/`), key);
      }
    });
  }

  test('the key set holds no private member', async () => {
    const { keys } = (await get(r.app, '/oidc/jwks')).json();
    assert.equal(keys.length, 1);
    assert.deepEqual(Object.keys(keys[0]).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });
});

suite('browser flow', () => {
  test('email: one JWT as id_token and access_token, with nonce, state returned', async () => {
    const login = newLogin();
    const redirect = await signIn(r.app, '/oidc', login, { email: 'you@example.com' });
    assert.equal(redirect.origin + redirect.pathname, REDIRECT);
    assert.equal(redirect.searchParams.get('state'), 'st-123');
    const answer = await exchange(r.app, '/oidc', login, redirect.searchParams.get('code')!);
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['cache-control'], 'no-store');
    const body = answer.json();
    assert.equal(body.token_type, 'Bearer');
    assert.equal(body.id_token, body.access_token);
    const { payload, protectedHeader } = await verify(body.id_token, `${PUBLIC_URL}/oidc`);
    assert.equal(protectedHeader.alg, 'RS256');
    assert.equal(payload['email'], 'you@example.com');
    assert.equal(payload['email_verified'], true);
    assert.equal(payload.sub, 'you@example.com');
    assert.equal(payload['nonce'], 'no-456');
    assert.equal(payload.iat, Math.floor(r.nowMs() / 1000));
    assert.equal(payload.nbf, payload.iat);
    assert.equal(payload.exp, payload.iat + body.expires_in);
  });

  test('uri and ci: the typed subject and claims', async () => {
    const uri = newLogin();
    const toUri = await signIn(r.app, '/oidc/uri', uri, { subject: 'http://localhost/people/me' });
    const uriToken = (await exchange(r.app, '/oidc/uri', uri, toUri.searchParams.get('code')!)).json().id_token;
    assert.equal((await verify(uriToken, `${PUBLIC_URL}/oidc/uri`)).payload.sub, 'http://localhost/people/me');
    const ci = newLogin();
    const toCi = await signIn(r.app, '/oidc/ci', ci, {});
    const ciToken = (await exchange(r.app, '/oidc/ci', ci, toCi.searchParams.get('code')!)).json().id_token;
    const { payload } = await verify(ciToken, `${PUBLIC_URL}/oidc/ci`);
    assert.equal(payload['repository'], 'octo-org/octo-repo');
    assert.equal(payload['nonce'], 'no-456');
  });

  test('the client may name itself in the body instead of the header', async () => {
    const login = newLogin();
    const code = await codeFor(login);
    const params = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: login.verifier };
    const answer = await postForm(r.app, '/oidc/token', { ...params, client_id: 'sigstore', client_secret: '' });
    assert.equal(answer.statusCode, 200);
  });

  for (const redirect of [
    'http://localhost:1/',
    'http://localhost:65535/a/b?c=d',
    'http://127.0.0.1:5000/cb',
    'http://[::1]:5000/cb',
    'http://localhost:5000',
  ]) {
    test(`a redirect to this machine is taken: ${redirect}`, async () => {
      const login = newLogin({ redirect_uri: redirect });
      const location = await signIn(r.app, '/oidc', login, { email: 'a@example.com' });
      assert.equal(location.origin, new URL(redirect).origin);
      const answer = await exchange(r.app, '/oidc', login, location.searchParams.get('code')!);
      assert.equal(answer.statusCode, 200);
    });
  }

  test('cancel tells the client so', async () => {
    const form = readForm((await get(r.app, `/oidc/auth?${query(newLogin().params)}`)).body);
    const answer = await postForm(r.app, form.action, { ...form.fields, decision: 'cancel' });
    const location = new URL(String(answer.headers.location));
    assert.equal(location.searchParams.get('error'), 'access_denied');
    assert.equal(location.searchParams.get('state'), 'st-123');
  });

  test('a wrong address is asked again, with what was typed', async () => {
    const form = readForm((await get(r.app, `/oidc/auth?${query(newLogin().params)}`)).body);
    const answer = await postForm(r.app, form.action, { ...form.fields, email: 'nobody "here"' });
    assert.equal(answer.statusCode, 400);
    assert.equal(readForm(answer.body).fields['email'], 'nobody "here"');
    assert.equal(readForm(answer.body).fields['state'], 'st-123');
  });
});

suite('attacks on the token address', () => {
  const refused = async (answer: Awaited<ReturnType<typeof exchange>>, error: string, status = 400): Promise<void> => {
    assert.equal(answer.statusCode, status, answer.body);
    assert.equal(answer.json().error, error);
    assert.equal(answer.json().id_token, undefined);
  };

  test('a code is used once', async () => {
    const login = newLogin();
    const code = await codeFor(login);
    assert.equal((await exchange(r.app, '/oidc', login, code)).statusCode, 200);
    await refused(await exchange(r.app, '/oidc', login, code), 'invalid_grant');
  });

  test('a wrong verifier is refused and spends the code', async () => {
    const login = newLogin();
    const code = await codeFor(login);
    await refused(await exchange(r.app, '/oidc', login, code, { code_verifier: newLogin().verifier }), 'invalid_grant');
    await refused(await exchange(r.app, '/oidc', login, code), 'invalid_grant');
  });

  test('the verifier cannot be left out, and the challenge is not the verifier', async () => {
    const login = newLogin();
    await refused(await exchange(r.app, '/oidc', login, await codeFor(login), { code_verifier: '' }), 'invalid_grant');
    const plain = { code_verifier: login.params['code_challenge']! };
    await refused(await exchange(r.app, '/oidc', login, await codeFor(login), plain), 'invalid_grant');
  });

  test('another redirect address or another issuer is refused', async () => {
    const login = newLogin();
    const other = { redirect_uri: `${REDIRECT}/` };
    await refused(await exchange(r.app, '/oidc', login, await codeFor(login), other), 'invalid_grant');
    await refused(await exchange(r.app, '/oidc/uri', login, await codeFor(login)), 'invalid_grant');
  });

  test('a code ends after a minute', async () => {
    const login = newLogin();
    const code = await codeFor(login);
    r.advance(60_000);
    await refused(await exchange(r.app, '/oidc', login, code), 'invalid_grant');
  });

  test('a client with another name, a secret, or none is refused with 401', async () => {
    const login = newLogin();
    const params = {
      grant_type: 'authorization_code',
      code: 'x',
      redirect_uri: REDIRECT,
      code_verifier: login.verifier,
    };
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    for (const headers of [
      {},
      basic('other:'),
      basic('sigstore:secret'),
      basic('sigstore'),
      { authorization: 'Basic %%' },
    ]) {
      await refused(await postForm(r.app, '/oidc/token', params, headers), 'invalid_client', 401);
    }
    const two = { ...params, client_id: 'other' };
    await refused(await postForm(r.app, '/oidc/token', two, basic('sigstore:')), 'invalid_client', 401);
  });

  test('other grants, JSON bodies, repeated parameters and other methods are refused', async () => {
    const login = newLogin();
    await refused(await exchange(r.app, '/oidc', login, 'x', { grant_type: 'password' }), 'unsupported_grant_type');
    const json = await r.app.inject({
      method: 'POST',
      url: '/oidc/token',
      payload: '{}',
      headers: { 'content-type': 'application/json' },
    });
    await refused(json, 'invalid_request');
    const twice = await r.app.inject({
      method: 'POST',
      url: '/oidc/token',
      payload: 'code=a&code=b',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    await refused(twice, 'invalid_request');
    assert.equal((await get(r.app, '/oidc/token')).statusCode, 405);
  });

  test('waiting codes are bounded: the oldest makes room', async () => {
    const first = newLogin();
    const code = await codeFor(first);
    const form = readForm((await get(r.app, `/oidc/auth?${query(newLogin().params)}`)).body);
    for (let i = 0; i < 1_000; i += 1) await postForm(r.app, form.action, { ...form.fields, email: 'a@example.com' });
    await refused(await exchange(r.app, '/oidc', first, code), 'invalid_grant');
  });
});
