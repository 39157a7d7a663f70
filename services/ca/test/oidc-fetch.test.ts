import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFetchJson } from '@sigstead/ca';
import { isPublicAddress } from '../src/oidc/addresses.ts';
import { discover, type KeyHostRule } from '../src/oidc/discovery.ts';
import type { FetchJson } from '../src/oidc/ports.ts';
import { withServer } from './support/local-server.ts';

const ISSUER = 'https://issuer.example.com';

const document = (jwksUri: unknown): FetchJson => {
  const value = { issuer: ISSUER, jwks_uri: jwksUri };
  return () => Promise.resolve(Buffer.from(JSON.stringify(value)));
};

test('where keys may lie: own host; over TLS elsewhere for a named issuer; never elsewhere behind a pattern', async () => {
  const named: KeyHostRule = { isMeta: false, jwksHosts: [] };
  const meta: KeyHostRule = { isMeta: true, jwksHosts: ['keys.example.com:8443'] };
  const verdict = async (uri: unknown, rule: KeyHostRule): Promise<boolean> => {
    return discover(document(uri), ISSUER, rule).then(
      () => true,
      () => false,
    );
  };
  assert.equal(await verdict(`${ISSUER}/keys`, named), true);
  assert.equal(await verdict('https://www.example.net/keys', named), true);
  assert.equal(await verdict('http://issuer.example.com/keys', named), false);
  assert.equal(await verdict('https://u:p@issuer.example.com/keys', named), false);
  assert.equal(await verdict(`${ISSUER}/keys`, meta), true);
  assert.equal(await verdict('https://www.example.net/keys', meta), false);
  assert.equal(await verdict('https://issuer.example.com:444/keys', meta), false);
  assert.equal(await verdict('https://keys.example.com:8443/keys', meta), true);
  for (const none of [undefined, 5, '', 'no url', 'file:///etc/passwd'])
    assert.equal(await verdict(none, named), false);
});

const trusting = createFetchJson({ isTrustedHost: () => true, limits: { timeoutMs: 60_000 } });
const impatient = createFetchJson({ isTrustedHost: () => true, limits: { timeoutMs: 50 } });

test('33 redirects: on the same host a few, to another host none', async () => {
  const asked: string[] = [];
  await withServer(
    (request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/ok') return void response.end('{}');
      if (request.url === '/hop') return void response.writeHead(302, { location: '/ok' }).end();
      if (request.url === '/loop') return void response.writeHead(302, { location: '/loop' }).end();
      const port = Number(request.headers.host?.split(':')[1]);
      const away: Record<string, string> = {
        '/name': `http://localhost:${port}/ok`,
        '/scheme': `https://127.0.0.1:${port}/ok`,
      };
      response.writeHead(307, { location: away[request.url ?? ''] ?? '//other.example.com/' }).end();
    },
    async (origin) => {
      assert.equal(Buffer.from(await trusting({ url: `${origin}/hop`, issuer: '' })).toString(), '{}');
      for (const path of ['/loop', '/name', '/scheme', '/host']) {
        await assert.rejects(trusting({ url: `${origin}${path}`, issuer: '' }), /redirect/);
      }
      assert.equal(asked.filter((path) => path === '/ok').length, 1);
    },
  );
});

test('a body without end is cut at the limit, a slow one at the deadline, a status but 200 is refused', async () => {
  await withServer(
    (request, response) => {
      if (request.url === '/404') return void response.writeHead(404).end('{}');
      if (request.url === '/slow') return void response.write('{');
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65536, 0x20)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    },
    async (origin) => {
      await assert.rejects(trusting({ url: `${origin}/endless`, issuer: '' }), /over 1048576 bytes/);
      await assert.rejects(impatient({ url: `${origin}/slow`, issuer: '' }), /abort/i);
      await assert.rejects(trusting({ url: `${origin}/404`, issuer: '' }), /status 404/);
    },
  );
});

test('B2.3 SSRF: a host nobody named is reached at public addresses only', async () => {
  const strict = createFetchJson({ isTrustedHost: () => false, limits: { timeoutMs: 2000 } });
  let reached = 0;
  await withServer(
    (_request, response) => {
      reached += 1;
      response.end('{}');
    },
    async (origin) => {
      const port = new URL(origin).port;
      const hosts = ['127.0.0.1', 'localhost', '127.1', '0x7f000001', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '0'];
      for (const host of hosts) {
        await assert.rejects(strict({ url: `http://${host}:${port}/`, issuer: '' }), Error, host);
      }
      for (const url of ['file:///etc/passwd', 'ftp://example.com/', `http://u:p@127.0.0.1:${port}/`]) {
        await assert.rejects(strict({ url, issuer: '' }));
      }
    },
  );
  assert.equal(reached, 0);
});

test('which addresses are public', () => {
  for (const yes of ['8.8.8.8', '1.1.1.1', '2606:4700:4700::1111']) assert.equal(isPublicAddress(yes), true, yes);
  const no = [
    '10.1.2.3',
    '172.31.0.1',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
  ];
  const no6 = [
    '::',
    '::1',
    'fe80::1',
    'fc00::1',
    'ff02::1',
    '::ffff:8.8.8.8',
    '64:ff9b::a00:1',
    '2002:a00:1::',
    '2001:db8::1',
    'fe80::1%eth0',
  ];
  for (const each of [...no, ...no6, 'x', '']) assert.equal(isPublicAddress(each), false, each);
});
