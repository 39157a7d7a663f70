import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import type { LogSpec } from '../src/index.ts';
import { newKey } from './support/entries.ts';
import {
  bareIssuer,
  derIssuer,
  dns,
  email,
  entryOf,
  hexSha256,
  indexesIn,
  ip,
  otherName,
  post,
  san,
  search,
  signerCertificate,
  uri,
} from './support/search.ts';
import { startServer, type TestServer } from './support/server.ts';

const ISSUER = 'https://accounts.example.com/Tenant';
const WORKFLOW = 'https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main';
const USER = '1.3.6.1.4.1.57264.1.7';

const spec = (): LogSpec => ({
  name: 'log',
  origin: 'log.example.com',
  kind: 'rekor-v2',
  signer: signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')),
});

suite('search over a few entries', { timeout: 60_000 }, () => {
  const key = newKey();
  const alice = signerCertificate(san(email('Alice@Example.com')), bareIssuer(ISSUER), derIssuer(ISSUER));
  const workflow = signerCertificate(san(uri(WORKFLOW)), derIssuer('https://token.actions.example.com'));
  const machine = signerCertificate(
    san(dns('build.example.com'), ip(192, 0, 2, 7), ip(0x20, 1, 0xd, 0xb8, ...Array<number>(11).fill(0), 1)),
    derIssuer(ISSUER),
  );
  const user = signerCertificate(
    san(otherName(USER, 'bob!corp'), otherName('1.2.3.4', 'not a user')),
    bareIssuer(ISSUER),
  );
  let server: TestServer;
  before(async () => {
    server = await startServer({ logs: [{ ...spec(), create: true }] });
    const signers = [key, alice, workflow, machine, user, alice];
    for (const [i, signer] of signers.entries())
      assert.equal(await post(server.url, entryOf(signer, `artifact ${i}`)), i);
  });
  after(() => server.close());

  const found = async (terms: Record<string, string> | [string, string][]): Promise<number[]> =>
    indexesIn(await search(server.url, terms));

  test('finds by the hash of what was signed, with or without the name of the hash', async () => {
    const hex = hexSha256('artifact 2');
    assert.deepEqual(await found({ hash: `sha256:${hex}` }), [2]);
    assert.deepEqual(await found({ hash: hex.toUpperCase() }), [2]);
    assert.deepEqual(await found({ hash: `sha256:${hexSha256('other')}` }), []);
    assert.deepEqual(await found({ hash: `sha512:${hex}${hex}` }), []);
  });

  test('finds by every kind of name in a certificate, ASCII letters in either case', async () => {
    assert.deepEqual(await found({ identity: 'Alice@Example.com' }), [1, 5]);
    assert.deepEqual(await found({ identity: 'alice@example.COM' }), [1, 5]);
    assert.deepEqual(await found({ identity: WORKFLOW }), [2]);
    assert.deepEqual(await found({ identity: 'build.example.com' }), [3]);
    assert.deepEqual(await found({ identity: '192.0.2.7' }), [3]);
    assert.deepEqual(await found({ identity: '2001:db8::1' }), [3]);
    assert.deepEqual(await found({ identity: '2001:0DB8:0:0::0001' }), [3]);
    assert.deepEqual(await found({ identity: 'bob!corp' }), [4]);
    assert.deepEqual(await found({ identity: 'not a user' }), []);
    assert.deepEqual(await found({ identity: 'lice@example.com' }), []);
  });

  test('finds by the issuer in either extension', async () => {
    assert.deepEqual(await found({ issuer: ISSUER }), [1, 3, 4, 5]);
    assert.deepEqual(await found({ issuer: 'https://token.actions.example.com' }), [2]);
    assert.deepEqual(await found({ issuer: `${ISSUER}/` }), []);
  });

  test('finds by public key and certificate, as DER or as its hash', async () => {
    assert.deepEqual(await found({ publicKey: key.spki.toString('base64') }), [0]);
    assert.deepEqual(await found({ publicKey: `sha256:${hexSha256(key.spki)}` }), [0]);
    assert.deepEqual(await found({ publicKey: alice.spki.toString('base64') }), [1, 5]);
    assert.deepEqual(await found({ certificate: alice.der.toString('base64') }), [1, 5]);
    assert.deepEqual(await found({ certificate: alice.der.toString('base64url') }), [1, 5]);
    assert.deepEqual(await found({ certificate: hexSha256(workflow.der) }), [2]);
    assert.deepEqual(await found({ certificate: hexSha256(key.spki) }), []);
  });

  test('takes base64 whose plus signs were not escaped', async () => {
    const raw = `publicKey=${alice.spki.toString('base64').replaceAll('/', '%2F').replaceAll('=', '%3D')}`;
    const response = await fetch(`${server.url}/api/v2/search?${raw}`);
    assert.deepEqual(indexesIn((await response.json()) as never), [1, 5]);
  });

  test('all terms must hold', async () => {
    assert.deepEqual(await found({ identity: 'alice@example.com', issuer: ISSUER }), [1, 5]);
    assert.deepEqual(await found({ identity: 'alice@example.com', hash: hexSha256('artifact 5') }), [5]);
    assert.deepEqual(await found({ identity: 'alice@example.com', issuer: 'https://token.actions.example.com' }), []);
    assert.deepEqual(
      await found([
        ['identity', '192.0.2.7'],
        ['identity', 'build.example.com'],
      ]),
      [3],
    );
    assert.deepEqual(
      await found([
        ['identity', '192.0.2.7'],
        ['identity', 'bob!corp'],
      ]),
      [],
    );
  });

  test('says what it looked at and that it is not authenticated', async () => {
    const answer = await search(server.url, { issuer: ISSUER, limit: '2' });
    assert.equal(answer.authenticated, false);
    assert.match(answer.notice, /proves nothing/);
    assert.deepEqual(indexesIn(answer), [1, 3]);
    assert.deepEqual(answer.searched, { from: '0', to: '4' });
    assert.equal(answer.more, true);
    const rest = await search(server.url, { issuer: ISSUER, limit: '2', from: answer.next });
    assert.deepEqual(indexesIn(rest), [4, 5]);
    const last = await search(server.url, { issuer: ISSUER, from: rest.next });
    assert.deepEqual(
      { ...last, hits: [], checkpoint: 0, notice: '', rootHash: '' },
      {
        authenticated: false,
        notice: '',
        hits: [],
        searched: { from: '6', to: '6' },
        complete: true,
        missing: [],
        next: '6',
        more: false,
        treeSize: '6',
        rootHash: '',
        checkpoint: 0,
      },
    );
    assert.deepEqual((await search(server.url, { issuer: ISSUER, from: '9007199254740991' })).hits, []);
  });

  const bad: [string, RegExp][] = [
    ['', /say what to look for: one or more of hash, identity, issuer, publicKey, certificate/],
    ['limit=3', /say what to look for/],
    ['identity=', /identity is empty/],
    ['identity=a&colour=red', /there is no parameter "colour"/],
    ['__proto__=1&identity=a', /there is no parameter "__proto__"/],
    ['identity=a&limit=0', /limit is no whole number from 1 to 100/],
    ['identity=a&limit=101', /limit is no whole number/],
    ['identity=a&limit=1e1', /limit is no whole number/],
    ['identity=a&from=-1', /from is no whole number/],
    ['identity=a&from=9007199254740992', /from is no whole number/],
    ['identity=a&from=1&from=2', /from stands there twice/],
    ['identity=%zz', /percent escape/],
    ['identity=%ff', /no UTF-8/],
    [`identity=${'x'.repeat(4097)}`, /longer than 4096 bytes/],
    [`${'identity=a&'.repeat(9)}`, /more than 8 of/],
    ['hash=abc', /hash is not/],
    [`hash=sha512:${'ab'.repeat(32)}`, /hash is not/],
    [`hash=sha1:${'ab'.repeat(20)}`, /hash is not/],
    [`hash=md5:${'ab'.repeat(32)}`, /hash is not/],
    ['publicKey=AAAA', /publicKey is neither/],
    ['publicKey=!', /publicKey is neither/],
    [`publicKey=${encodeURIComponent(alice.der.toString('base64'))}`, /publicKey is neither/],
    [`certificate=${encodeURIComponent(alice.spki.toString('base64'))}`, /certificate is neither/],
    [`certificate=sha256:${'zz'.repeat(32)}`, /certificate is neither/],
  ];
  for (const [query, text] of bad) {
    test(`refuses ${query.slice(0, 40) || 'no question'} with 400 and its reason`, async () => {
      const response = await fetch(`${server.url}/api/v2/search?${query}`);
      const body = (await response.json()) as { code: number; message: string };
      assert.equal(response.status, 400);
      assert.equal(body.code, 3);
      assert.match(body.message, text);
    });
  }

  test('text that looks like SQL, NUL and quotes are only names', async () => {
    for (const identity of ["'; drop table log.search_keys; --", '%00', "\0'", '$1', '\u{1F600}', '\\x00', '{1,2}']) {
      assert.deepEqual(await found({ identity }), []);
      assert.deepEqual(await found({ issuer: identity, identity }), []);
    }
  });

  test('other methods are answered as the gateway does', async () => {
    for (const method of ['POST', 'HEAD', 'PUT', 'DELETE']) {
      assert.equal((await fetch(`${server.url}/api/v2/search?identity=a`, { method })).status, 501, method);
    }
  });
});
