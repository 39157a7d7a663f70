import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, suite, test } from 'node:test';
import { get, newLogin, postForm, query, readForm, type Rig, rig } from './harness.ts';

let r: Rig;
before(async () => {
  r = await rig();
});

suite('a request whose redirect cannot be trusted is answered here', () => {
  for (const redirect of [
    'http://evil.example/cb',
    'https://localhost:5000/cb',
    'http://localhost.evil.example/cb',
    'http://localhost@evil.example/',
    'http://evil.example#@localhost/',
    'http://localhost:5000/cb#fragment',
    'http://localhost\\@evil.example/',
    'http://user:pw@localhost:5000/',
    'http://127.1:5000/cb',
    'http://2130706433/cb',
    'http://0.0.0.0:5000/cb',
    'http://LOCALHOST:5000/cb',
    'http://localhost.:5000/cb',
    'http://[::ffff:127.0.0.1]:5000/cb',
    ' http://localhost:5000/cb',
    'http://localhost:5000/a/../b',
    'http://localhost:5000/cb\r\nset-cookie: a=b',
    'javascript:alert(1)',
    'urn:ietf:wg:oauth:2.0:oob',
    '//localhost/cb',
    '',
  ]) {
    test(JSON.stringify(redirect), async () => {
      const { params } = newLogin({ redirect_uri: redirect });
      const asked = await get(r.app, `/oidc/auth?${query(params)}`);
      const posted = await postForm(r.app, '/oidc/auth/login', { ...params, email: 'a@example.com' });
      for (const answer of [asked, posted]) {
        assert.equal(answer.statusCode, 400);
        assert.equal(answer.headers.location, undefined);
        assert.match(String(answer.headers['content-type']), /^text\/html/);
      }
    });
  }

  test('an unknown client, and a parameter given twice', async () => {
    for (const text of [
      query(newLogin({ client_id: 'other' }).params),
      query(newLogin({ client_id: undefined }).params),
      `${query(newLogin().params)}&redirect_uri=http://evil.example/`,
      Array.from({ length: 50 }, (_, i) => `p${i}=1`).join('&'),
    ]) {
      const answer = await get(r.app, `/oidc/auth?${text}`);
      assert.equal(answer.statusCode, 400);
      assert.equal(answer.headers.location, undefined);
    }
  });
});

suite('a faulty request is told to the client, and gets no code', () => {
  const cases: [string, Record<string, string | undefined>, string][] = [
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['PKCE without a method means plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['method plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['response type token', { response_type: 'id_token token' }, 'unsupported_response_type'],
    ['response mode fragment', { response_mode: 'fragment' }, 'invalid_request'],
    ['no openid', { scope: 'email' }, 'invalid_scope'],
    ['prompt none', { prompt: 'none' }, 'login_required'],
    ['a request object', { request: 'eyJ' }, 'invalid_request'],
  ];
  for (const [name, overrides, error] of cases) {
    test(name, async () => {
      const { params } = newLogin(overrides);
      const asked = await get(r.app, `/oidc/auth?${query(params)}`);
      const posted = await postForm(r.app, '/oidc/auth/login', { ...params, email: 'a@example.com' });
      for (const answer of [asked, posted]) {
        assert.equal(answer.statusCode, 303);
        const location = new URL(String(answer.headers.location));
        assert.equal(location.host, 'localhost:41234');
        assert.equal(location.searchParams.get('error'), error);
        assert.equal(location.searchParams.get('state'), 'st-123');
        assert.equal(location.searchParams.get('code'), null);
      }
    });
  }
});

suite('the login page', () => {
  const NASTY = `"><script>alert(1)</script>'&amp;<!--`;

  test('carries what came, escaped, and comes back unchanged', async () => {
    const login = newLogin({ state: NASTY, nonce: NASTY });
    const answer = await get(r.app, `/oidc/auth?${query(login.params)}`);
    assert.equal(answer.statusCode, 200);
    assert.ok(!answer.body.includes('<script'));
    assert.equal(readForm(answer.body).fields['state'], NASTY);
    const back = await postForm(r.app, '/oidc/auth/login', { ...login.params, email: NASTY });
    assert.equal(back.statusCode, 400);
    assert.ok(!back.body.includes('<script'));
    assert.equal(readForm(back.body).fields['email'], NASTY);
  });

  test('needs no script and allows none; only its own style, its own form and the way back', async () => {
    const answer = await get(r.app, `/oidc/auth?${query(newLogin().params)}`);
    const policy = String(answer.headers['content-security-policy']);
    const style = /<style>([^]*)<\/style>/.exec(answer.body)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    assert.equal(
      policy,
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self' http://localhost:41234; base-uri 'none'; frame-ancestors 'none'`,
    );
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.doesNotMatch(answer.body, /<script|\son\w+=|javascript:|style="/);
  });

  test('a redirect address cannot add to the policy', async () => {
    const answer = await get(
      r.app,
      `/oidc/auth?${query(newLogin({ redirect_uri: 'http://localhost:5/;script-src' }).params)}`,
    );
    assert.doesNotMatch(String(answer.headers['content-security-policy']), /script-src/);
  });

  test('is not taken from another site', async () => {
    const { params } = newLogin();
    const form = { ...params, email: 'a@example.com' };
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'http://localhost:9999', host: 'localhost:8080' },
    ]) {
      const answer = await postForm(r.app, '/oidc/auth/login', form, headers);
      assert.equal(answer.statusCode, 400);
      assert.equal(answer.headers.location, undefined);
    }
    const own = { origin: 'http://localhost:8080', host: 'localhost:8080', 'sec-fetch-site': 'same-origin' };
    assert.equal((await postForm(r.app, '/oidc/auth/login', form, own)).statusCode, 303);
  });

  test('is not taken from a site whose name was made to lead here, and is from every name of ours', async () => {
    const { params } = newLogin();
    const posted = async (host: string): Promise<number> => {
      const form = { ...params, email: 'a@example.com' };
      return (await postForm(r.app, '/oidc/auth/login', form, { origin: `http://${host}`, host })).statusCode;
    };
    for (const host of ['rebound.example:8080', 'localhost.evil.example:8080', '127.0.0.1.evil.example']) {
      assert.equal(await posted(host), 400, host);
    }
    for (const host of ['localhost:8080', '127.0.0.1:8080', '[::1]:8080', '192.0.2.7:8080']) {
      assert.equal(await posted(host), 303, host);
    }
  });
});
