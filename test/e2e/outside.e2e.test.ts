import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { sharedInstance } from '../instance/index.ts';
import { getJson, post, send, sendOk } from './support/http.ts';
import { descendants, HAS_PROC, listeningSockets } from './support/processes.ts';
import { sha256 } from './support/signing.ts';

const instance = await sharedInstance();
const { port } = new URL(instance.url);
const origins = [`http://localhost:${port}`, `http://127.0.0.1:${port}`, `http://[::1]:${port}`];

const NOT_FOUND = '{"code":5,"message":"Not Found","details":[]}';

test('the URL is http://localhost:PORT, and both 127.0.0.1 and ::1 answer', async () => {
  assert.match(instance.url, /^http:\/\/localhost:\d+$/);
  for (const origin of origins) {
    const { bytes } = await sendOk(`${origin}/healthz`, 200);
    assert.equal(bytes.toString(), '{"status":"SERVING"}');
  }
});

test('/ says in a few lines what this is', async () => {
  const { bytes, headers } = await sendOk(`${instance.url}/`, 200);
  const lines = bytes.toString('utf8').trim().split('\n');
  assert.match(headers.get('content-type') ?? '', /^text\/plain/);
  assert.match(lines[0] ?? '', /Sigstead .*Sigstore/);
  assert.ok(lines.length <= 10);
  assert.match(bytes.toString('utf8'), /development/i);
});

test('/ping answers one dot', async () => {
  const { bytes } = await sendOk(`${instance.url}/ping`, 200);
  assert.equal(bytes.toString(), '.');
});

test('/readyz names every part', async () => {
  const report = await getJson<{ ready: boolean; parts: Record<string, { ready: boolean }> }>(`${instance.url}/readyz`);
  assert.equal(report.ready, true);
  assert.deepEqual(Object.keys(report.parts).sort(), ['ca', 'dev-oidc', 'log', 'tsa', 'tuf-root']);
  for (const [name, part] of Object.entries(report.parts)) assert.equal(part.ready, true, name);
});

test('an unknown path is the upstream 404 for every method', async () => {
  for (const path of [
    '/nothing',
    '/api/v3/signingCert',
    '/api/v1/log',
    '/ct/other/ct/v1/get-sth',
    '/tuf',
    '/oidc',
    '/metrics',
  ]) {
    for (const method of ['GET', 'POST', 'DELETE', 'PROPFIND']) {
      const answer = await send(`${instance.url}${path}`, { method });
      assert.equal(`${answer.status} ${answer.bytes.toString()}`, `404 ${NOT_FOUND}`, `${method} ${path}`);
    }
  }
});

test('an answer to HEAD has no body', async () => {
  const { status, bytes } = await send(`${instance.url}/tuf/root.json`, { method: 'HEAD' });
  assert.deepEqual([status, bytes.length], [200, 0]);
});

test('/tuf/root.json, /tuf/1.root.json and the root file on disk are the same bytes with the announced hash', async () => {
  const { tufRoot, tufRootSha256 } = instance.ready;
  const onDisk = await readFile(tufRoot);
  const newest = await sendOk(`${instance.url}/tuf/root.json`, 200);
  const first = await sendOk(`${instance.url}/tuf/1.root.json`, 200);
  assert.equal(sha256(onDisk).toString('hex'), tufRootSha256);
  assert.deepEqual(newest.bytes, onDisk);
  assert.deepEqual(first.bytes, onDisk);
  const next = await send(`${instance.url}/tuf/2.root.json`);
  assert.equal(next.status, 404);
});

test('TUF metadata and targets are reached by consistent snapshots only', async () => {
  const base = `${instance.url}/tuf`;
  interface Signed<T> {
    signed: T;
  }
  const timestamp = await getJson<Signed<{ meta: { 'snapshot.json': { version: number } } }>>(`${base}/timestamp.json`);
  const snapshotVersion = timestamp.signed.meta['snapshot.json'].version;
  const snapshot = await getJson<Signed<{ meta: { 'targets.json': { version: number } } }>>(
    `${base}/${snapshotVersion}.snapshot.json`,
  );
  const targetsVersion = snapshot.signed.meta['targets.json'].version;
  const targets = await getJson<Signed<{ targets: Record<string, { hashes: { sha256: string } }> }>>(
    `${base}/${targetsVersion}.targets.json`,
  );
  const names = Object.keys(targets.signed.targets);
  for (const name of ['trusted_root.json', 'signing_config.v0.2.json', 'fulcio_v1.crt.pem', 'rekor.pub', 'ctfe.pub']) {
    assert.ok(names.includes(name), `no target ${name}`);
  }
  for (const [name, { hashes }] of Object.entries(targets.signed.targets)) {
    const { bytes } = await sendOk(`${base}/targets/${hashes.sha256}.${name}`, 200);
    assert.equal(sha256(bytes).toString('hex'), hashes.sha256);
    assert.equal((await send(`${base}/targets/${name}`)).status, 404);
  }
  for (const name of ['snapshot.json', 'targets.json', 'targets/', '%2e%2e/1.root.json']) {
    assert.equal((await send(`${base}/${name}`)).status, 404, name);
  }
});

test('the CT log answers get-sth, the Rekor v2 log its checkpoint under both prefixes', async () => {
  const sth = await getJson<{ tree_size: number }>(`${instance.url}/ct/dev/ct/v1/get-sth`);
  assert.ok(sth.tree_size >= 1);
  const root = await sendOk(`${instance.url}/checkpoint`, 200);
  const api = await sendOk(`${instance.url}/api/v2/checkpoint`, 200);
  assert.match(root.bytes.toString('utf8'), /^localhost\n[1-9]\d*\n/);
  assert.deepEqual(api.bytes, root.bytes);
});

test('a wrong method is 501 with code 12 at CA and log, 405 at the TSA', async () => {
  const status = async (path: string, method: string): Promise<number> =>
    (await send(`${instance.url}${path}`, { method })).status;
  for (const path of ['/api/v2/signingCert', '/api/v2/log/entries', '/healthz']) {
    const { status: got, bytes } = await send(`${instance.url}${path}`, { method: 'PATCH' });
    assert.equal(`${got} ${bytes.toString()}`, '501 {"code":12,"message":"Method Not Allowed","details":[]}', path);
  }
  assert.equal(await status('/api/v1/timestamp', 'GET'), 405);
  assert.equal(await status('/api/v1/timestamp/certchain', 'POST'), 405);
  assert.equal(await status('/tuf/root.json', 'POST'), 405);
});

test('discovery of each issuer names itself, and the signing config names the email issuer alone', async () => {
  const { url } = instance;
  for (const path of ['/oidc', '/oidc/uri', '/oidc/ci']) {
    const document = await getJson<Record<string, string>>(`${url}${path}/.well-known/openid-configuration`);
    assert.equal(document['issuer'], `${url}${path}`);
    await sendOk(document['jwks_uri'] ?? '', 200);
  }
});

test('a page of another site gets no token', async () => {
  const wish = post(JSON.stringify({ issuer: 'email', email: 'eve@example.com' }));
  const asPage = { ...wish, headers: { 'content-type': 'application/json', origin: 'https://evil.example' } };
  assert.ok((await send(`${instance.url}/oidc/dev/token`, asPage)).status >= 400);
  const asForm = post(JSON.stringify({ issuer: 'email', email: 'eve@example.com' }), 'text/plain');
  assert.ok((await send(`${instance.url}/oidc/dev/token`, asForm)).status >= 400);
});

test('metrics are on a port of their own and not on the public one', async () => {
  const { metricsUrl } = instance;
  assert.notEqual(new URL(metricsUrl).port, port);
  const { bytes } = await sendOk(metricsUrl, 200);
  assert.match(bytes.toString('utf8'), /^sigstead_http_requests_total\{/m);
});

const skip = HAS_PROC ? false : 'needs /proc';
test('nothing listens beyond loopback: two ports on both loopback addresses, and PostgreSQL on none', { skip }, () => {
  const metricsPort = Number(new URL(instance.metricsUrl).port);
  const own = listeningSockets(instance.pid);
  const wanted = [Number(port), metricsPort].flatMap((each) => [`127.0.0.1 ${each}`, `::1 ${each}`]);
  assert.deepEqual(own.map((socket) => `${socket.address} ${socket.port}`).sort(), wanted.sort());
  const below = descendants(instance.pid);
  assert.ok(below.length > 0);
  for (const { pid, command } of below) assert.deepEqual(listeningSockets(pid), [], command);
});
