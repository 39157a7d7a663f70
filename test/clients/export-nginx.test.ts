import assert from 'node:assert/strict';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { ROOT } from '../instance/index.ts';
import { needs, programOf } from './environment.ts';
import { eventually, exportedFiles, startExportedLog, treeSizeOf } from './exported-log.ts';
import { freePort } from '../support/index.ts';
import { send, startProgram } from './local-server.ts';
import { nginx } from './tools.ts';

const { skip } = needs(nginx);

if (skip !== false) describe('nginx', { skip }, () => test('serves an exported folder'));
else await suite();

async function suite(): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'sigstead-client-'));
  const folder = join(base, 'export');
  const log = await startExportedLog({ kind: 'directory', folder, intervalMs: 10 });
  after(() => log.close());
  await log.grow(300);
  const checkpointSize = async (): Promise<number> => treeSizeOf(await readFile(join(folder, 'checkpoint')));
  await eventually(checkpointSize, (size) => size === 300);
  const port = await startNginx(base, folder);
  // After nginx has ended, which still writes there.
  after(() => rm(base, { recursive: true, force: true }));
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    send(port, { method, path, headers });

  test('nginx alone serves every file of the folder, under both prefixes, as the log itself does', async () => {
    const names = await exportedFiles(folder);
    assert.ok(names.includes('tile/0/000') && names.includes('tile/entries/001.p/44'), names.join(' '));
    for (const name of names) {
      const bytes = await log.served(name);
      for (const prefix of ['/', '/api/v2/']) {
        const { status, body } = await get(prefix + name);
        assert.equal(status, 200, prefix + name);
        assert.deepEqual(body, bytes, prefix + name);
      }
    }
  });

  test('full tiles and bundles are immutable for caches, partial ones are not, a checkpoint is asked for anew', async () => {
    const type = 'application/octet-stream';
    const rows: [name: string, contentType: string, cacheControl: string][] = [
      ['tile/0/000', type, 'public, max-age=604800, immutable'],
      ['tile/entries/000', type, 'public, max-age=604800, immutable'],
      ['tile/0/001.p/44', type, 'public, max-age=60'],
      ['tile/1/000.p/1', type, 'public, max-age=60'],
      ['tile/entries/001.p/44', type, 'public, max-age=60'],
      ['checkpoint', 'text/plain; charset=utf-8', 'no-cache'],
    ];
    for (const [name, contentType, cacheControl] of rows) {
      for (const method of ['GET', 'HEAD']) {
        const { headers } = await get(`/${name}`, {}, method);
        assert.deepEqual([headers['content-type'], headers['cache-control']], [contentType, cacheControl], name);
      }
    }
  });

  test('tiles have a validator; a checkpoint has none, because two of one second would share it', async () => {
    const tile = await get('/tile/0/000');
    assert.equal((await get('/tile/0/000', { 'if-none-match': String(tile.headers['etag']) })).status, 304);
    const checkpoint = await get('/checkpoint');
    assert.deepEqual([checkpoint.headers['etag'], checkpoint.headers['last-modified']], [undefined, undefined]);
    const since = new Date(Date.now() + 60_000).toUTCString();
    assert.equal((await get('/checkpoint', { 'if-modified-since': since, 'if-none-match': '*' })).status, 200);
  });

  test('bundles come compressed to those who ask, tiles never', async () => {
    const wanted = { 'accept-encoding': 'gzip' };
    const bundle = await get('/tile/entries/000', wanted);
    assert.equal(bundle.headers['content-encoding'], 'gzip');
    assert.equal(bundle.headers['vary'], 'Accept-Encoding');
    assert.deepEqual(gunzipSync(bundle.body), await log.served('tile/entries/000'));
    for (const name of ['tile/0/000', 'tile/0/001.p/44', 'checkpoint']) {
      assert.equal((await get(`/${name}`, wanted)).headers['content-encoding'], undefined, name);
    }
  });

  test('nothing else is there, and nothing can be changed', async () => {
    await writeFile(join(folder, '.export', 'tmp-x'), 'half');
    await writeFile(join(folder, 'tile', 'other'), 'x');
    for (const path of [
      '/',
      '/tile/',
      '/tile/0',
      '/tile/0/999',
      '/tile/0/000.p/',
      '/tile/0/000.p/256',
      '/tile/other',
      '/.export/tmp-x',
      '/.export/lock',
      '/tile/0/..%2f..%2f.export%2ftmp-x',
      '/checkpoint/',
      '/api/v2/log/entries',
    ]) {
      const { status, body, headers } = await get(path);
      assert.equal(status, 404, path);
      assert.deepEqual(JSON.parse(body.toString()), { code: 5, message: 'Not Found', details: [] }, path);
      assert.equal(headers['cache-control'], undefined, path);
    }
    for (const method of ['POST', 'PUT', 'DELETE']) {
      for (const name of ['checkpoint', 'tile/0/000', 'tile/entries/000']) {
        assert.equal((await get(`/${name}`, { 'content-length': '0' }, method)).status, 501, `${method} ${name}`);
      }
    }
  });

  test('while the log grows nginx shows no checkpoint whose tree it cannot serve, and none that goes back', async () => {
    const growing = log.grow(900);
    let last = 0;
    while (last < 900) {
      const checkpoint = await get('/checkpoint');
      assert.equal(checkpoint.status, 200);
      const size = treeSizeOf(checkpoint.body);
      assert.ok(size >= last, `${size} after ${last}`);
      last = size;
      const [index, width] = [Math.floor((size - 1) / 256), size % 256];
      const end = `00${index}${width === 0 ? '' : `.p/${width}`}`;
      for (const kind of ['0', 'entries']) assert.equal((await get(`/tile/${kind}/${end}`)).status, 200, end);
    }
    await growing;
    assert.equal(await log.trouble(), undefined);
  });
}

/** The example of deploy/nginx with this folder and a free port; ends after the last test. */
async function startNginx(base: string, folder: string): Promise<number> {
  const port = await freePort();
  const example = join(ROOT, 'deploy', 'nginx');
  await chmod(base, 0o755);
  await copyFile(join(example, 'sigstead-log.conf'), join(base, 'sigstead-log.conf'));
  const text = await readFile(join(example, 'nginx.conf'), 'utf8');
  const config = text
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('/var/lib/sigstead/export/log.example.com', folder);
  assert.equal(config.split(folder).length, 2);
  await writeFile(join(base, 'nginx.conf'), config);
  const user = process.getuid?.() === 0 ? ' user root;' : '';
  const server = await startProgram(
    programOf(nginx),
    ['-p', base, '-c', join(base, 'nginx.conf'), '-e', 'stderr', '-g', `daemon off;${user}`],
    port,
  );
  after(() => server.end());
  return port;
}
