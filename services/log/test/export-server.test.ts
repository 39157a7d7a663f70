import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { fsckPublished } from '../src/index.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { type RawResponse, send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';
import { expectedResources } from './support/export-double.ts';

const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const key = newKey();

let base: string;
before(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'sigstead-export-'));
});
after(() => rm(base, { recursive: true, force: true }));

const spec = (folder: string) => ({
  name: 'v2',
  origin: 'log.example.com',
  kind: 'rekor-v2' as const,
  signer,
  create: true,
  export: { kind: 'directory' as const, folder, intervalMs: 5 },
});

let posts = 0;
const post = (server: TestServer): Promise<RawResponse> =>
  send(server.port, {
    method: 'POST',
    path: '/api/v2/log/entries',
    body: Buffer.from(JSON.stringify(hashedRekord(key, `message ${posts++}`))),
  });

/** Asks until it holds; the runner's own time limit ends what never does. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}

const sizeIn = async (folder: string): Promise<number> => {
  const note = await readFile(path.join(folder, 'checkpoint'), 'utf8').catch(() => '\n-1');
  return Number(note.split('\n')[1]);
};

async function filesOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((each) => each.isFile())
    .map((each) => path.relative(folder, path.join(each.parentPath, each.name)))
    .filter((name) => !name.startsWith('.export'));
}

test('the folder follows the log, over a restart too, and every file in it is what the server answers', async () => {
  const folder = path.join(base, 'follow', 'made');
  const server = await startServer({ logs: [spec(folder)] });
  await until(async () => (await sizeIn(folder)) === 0);
  for (let size = 1; size <= 3; size++) {
    assert.equal((await post(server)).status, 201);
    await until(async () => (await sizeIn(folder)) === size);
  }
  await Promise.all(Array.from({ length: 257 }, () => post(server)));
  await until(async () => (await sizeIn(folder)) === 260);
  const names = await filesOf(folder);
  assert.ok(names.includes('tile/entries/000') && names.includes('tile/0/001.p/4'), names.join(' '));
  const leaves: Buffer[] = [];
  for (const name of names) {
    const { body, status } = await send(server.port, { method: 'GET', path: `/${name}` });
    assert.equal(status, 200, name);
    assert.deepEqual(await readFile(path.join(folder, name)), body, name);
  }
  for (const name of ['tile/entries/000', 'tile/entries/001.p/4']) {
    const bundle = await readFile(path.join(folder, name));
    for (let at = 0; at < bundle.length; at += 2 + bundle.readUInt16BE(at)) {
      leaves.push(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at)));
    }
  }
  for (const [name, bytes] of expectedResources(260, (i) => leaves[i]!)) {
    assert.deepEqual(await readFile(path.join(folder, name)), bytes, name);
  }
  const keyPem = signer.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const checked = await fsckPublished({ from: { folder }, key: keyPem, origin: 'log.example.com' });
  assert.deepEqual([checked.outcome, checked.size, checked.signature], ['ok', 260, 'verified']);
  const { database } = server;
  assert.match(await server.metrics.text(), /sigstead_log_export_size_entries\{log="v2"\} \d+/);
  await server.handle.close();
  const again = await startServer({ logs: [spec(folder)], database });
  assert.equal((await post(again)).status, 201);
  await until(async () => (await sizeIn(folder)) === 261);
  await again.close();
  await server.close();
});

test('three processes export one log into one folder', async () => {
  const folder = path.join(base, 'three');
  const first = await startServer({ logs: [spec(folder)] });
  const { database } = first;
  const others = await Promise.all([1, 2].map(() => startServer({ logs: [spec(folder)], database })));
  const servers = [first, ...others];
  const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => post(servers[i % 3]!)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201]));
  await until(async () => (await sizeIn(folder)) === 300);
  for (const server of servers) assert.deepEqual(await server.handle.ready(), { ok: true });
  // The first process may learn a moment later what another one has published and exported.
  const tiles = (await filesOf(folder)).filter((name) => name !== 'checkpoint');
  for (const name of tiles) {
    const { body } = await send(first.port, { method: 'GET', path: `/${name}` });
    assert.deepEqual(await readFile(path.join(folder, name)), body, name);
  }
  for (const server of servers.reverse()) await server.close();
});

test('a tile in the folder with other bytes makes the log read-only; what was published stays readable', async () => {
  const folder = path.join(base, 'tampered');
  const server = await startServer({ logs: [spec(folder)] });
  assert.equal((await post(server)).status, 201);
  await until(async () => (await sizeIn(folder)) === 1);
  await mkdir(path.join(folder, 'tile/0/000.p'), { recursive: true });
  await writeFile(path.join(folder, 'tile/0/000.p/2'), Buffer.alloc(64));
  assert.equal((await post(server)).status, 201);
  await until(async () => !(await server.handle.ready()).ok);
  assert.match((await server.handle.ready()).detail ?? '', /tile\/0\/000\.p\/2 stands in the target with other bytes/);
  const refused = await post(server);
  assert.equal(refused.status, 503);
  assert.doesNotMatch(refused.body.toString(), /tile|target/);
  assert.equal((await send(server.port, { method: 'GET', path: '/tile/0/000.p/2' })).status, 200);
  assert.equal(await sizeIn(folder), 1);
  assert.deepEqual(await readFile(path.join(folder, 'tile/0/000.p/2')), Buffer.alloc(64));
  assert.match(await server.metrics.text(), /export_alarms_total\{log="v2",reason="different_object"\} 1/);
  await server.close();
});

test('a database set back below its own exported checkpoint is found out, and nothing more is signed', async () => {
  const folder = path.join(base, 'set-back');
  const server = await startServer({ logs: [spec(folder)] });
  await post(server);
  await until(async () => (await sizeIn(folder)) === 1);
  await server.close();
  const older = await startServer({ logs: [spec(folder)] });
  await until(async () => !(await older.handle.ready()).ok);
  assert.match(
    (await older.handle.ready()).detail ?? '',
    /the checkpoint in the target: this log has signed a larger tree \(size 1 /,
  );
  assert.equal((await post(older)).status, 503);
  await older.close();
});

test('a CT log is not exported: a place to do so is refused at the start', async () => {
  const ct = { ...spec(path.join(base, 'ct')), kind: 'ct' as const };
  await assert.rejects(startServer({ logs: [ct] }), { code: 'misconfigured' });
});
