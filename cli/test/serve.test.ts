import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { request } from '../src/http-client.ts';
import { asBytes, asJson, asSize, asText, type Json, parseJson } from '../src/self-test/check.ts';
import { signOnce } from '../src/self-test/index.ts';
import { gone, isAlive, type Spawned } from './running.ts';
import { command, makeSite, serve, type Site, workerPids } from './serve-support.ts';

let database: TestDatabase;
let site: Site;
const children: Spawned[] = [];
before(async () => {
  database = await testDatabase();
  site = await makeSite(database.connectionString);
});
after(async () => {
  // Only what a failed test left behind is still there.
  for (const { child } of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  for (const { ended } of children) await ended;
  await site.close();
  await database.drop();
});

async function started(...args: string[]): Promise<Spawned> {
  const spawned = await serve(site, ...args);
  children.push(spawned);
  return spawned;
}

async function stopped(spawned: Spawned): Promise<void> {
  const pids = workerPids(spawned);
  spawned.child.kill('SIGTERM');
  const { code, signal } = await spawned.ended;
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, spawned.output());
  for (const pid of pids.values()) assert.equal(isAlive(pid), false, `worker ${pid} was left behind`);
}

/** A request for one more entry. */
function entryRequest(): string {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const artifact = Buffer.from(`artifact ${Math.random()}`);
  const rawBytes = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const signature = {
    content: sign('sha256', artifact, privateKey).toString('base64'),
    verifier: { publicKey: { rawBytes }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
  };
  const digest = createHash('sha256').update(artifact).digest('base64');
  return JSON.stringify({ hashedRekordRequestV002: { digest, signature } });
}

/** One more entry, over a connection of its own. */
async function append(): Promise<{ index: number; size: number; entry: Json }> {
  const { status, bytes } = await request(`${site.url}/api/v2/log/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: entryRequest(),
  });
  assert.equal(status, 201, bytes.toString('utf8'));
  const entry = parseJson('entry', bytes);
  const proof = asJson('entry', entry['inclusionProof']);
  const envelope = asText('entry', asJson('entry', proof['checkpoint'])['envelope']);
  return { index: asSize('entry', proof['logIndex']), size: Number(envelope.split('\n')[1]), entry };
}

/** Resolves when a worker has taken the request; its body is sent by finish(), which gives the status of the answer. */
function heldAppend(): Promise<{ finish: () => Promise<number | undefined> }> {
  const body = entryRequest();
  const headers = { expect: '100-continue', 'content-length': Buffer.byteLength(body) };
  const sent = httpRequest(`${site.url}/api/v2/log/entries`, { method: 'POST', headers, agent: false });
  const status = new Promise<number | undefined>((resolve, reject) => {
    sent.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once('error', reject);
  });
  const finish = (): Promise<number | undefined> => {
    sent.end(body);
    return status;
  };
  sent.flushHeaders();
  return new Promise((resolve, reject) => {
    sent.once('continue', () => resolve({ finish }));
    status.catch(reject);
  });
}

async function checkpointSize(): Promise<number> {
  const { status, bytes } = await request(`${site.url}/checkpoint`);
  assert.equal(status, 200);
  return Number(bytes.toString('utf8').split('\n')[1]);
}

/** Bytes of one entry as the log serves them. */
async function served(index: number, size: number): Promise<Buffer> {
  const bundle = Math.floor(index / 256);
  const width = Math.min(256, size - bundle * 256);
  const path = `tile/entries/${String(bundle).padStart(3, '0')}${width === 256 ? '' : `.p/${width}`}`;
  const { status, bytes } = await request(`${site.url}/${path}`);
  assert.equal(status, 200, path);
  let at = 0;
  for (let i = bundle * 256; i < index; i += 1) at += 2 + bytes.readUInt16BE(at);
  return bytes.subarray(at + 2, at + 2 + bytes.readUInt16BE(at));
}

async function whenWorkers(spawned: Spawned, holds: (pids: Map<number, number>) => boolean): Promise<void> {
  while (!holds(workerPids(spawned))) await delay(20);
}

async function get(path: string): Promise<Buffer> {
  const { status, bytes } = await request(`${site.url}${path}`);
  assert.equal(status, 200, path);
  return bytes;
}

suite('serve with a configuration', { timeout: 120_000 }, () => {
  let trustedRoot: string;
  let two: Spawned;

  test('refuses a database without its tables, and names the command', async () => {
    const { code, output } = await command('serve', '--config', site.configFile);
    assert.equal(code, 1);
    assert.match(output, /^sigstead: database: .* run sigstead migrate --config .*\n$/);
  });

  test('migrate may be repeated', async () => {
    assert.match((await command('migrate', '--config', site.configFile)).output, /^applied log: 0001/);
    const again = await command('migrate', '--config', site.configFile);
    assert.deepEqual([again.code, again.output], [0, 'the database is up to date\n']);
  });

  test('refuses a log that does not exist, and makes none', async () => {
    const { code, output } = await command('serve', '--config', site.configFile);
    assert.equal(code, 1);
    assert.match(output, /no log "rekor" .*: sigstead log create --config \S+ --name rekor\n$/);
    const pool = database.pool();
    const { rows } = await pool.query('select name from log.logs');
    await pool.end();
    assert.deepEqual(rows, []);
  });

  test('log create refuses a name that is not configured', async () => {
    const { code, output } = await command('log', 'create', '--config', site.configFile, '--name', 'recor');
    assert.equal(code, 1);
    assert.match(output, /logs has none named "recor"; it has rekor, ct\n$/);
  });

  test('log create makes a log with its first entry, and may be repeated', async () => {
    for (let i = 0; i < 2; i += 1) {
      const { code, output } = await command('log', 'create', '--config', site.configFile, '--name', 'rekor');
      assert.equal(code, 0, output);
      assert.match(output, /^log rekor \(rekor-v2\) is there, with 1 entry$/m);
    }
    const ct = await command('log', 'create', '--config', site.configFile, '--name', 'ct');
    assert.match(ct.output, /^log ct \(ct\) is there, with 0 entries$/m);
  });

  test('two workers: signing once through all services, verified with published trust only', async () => {
    two = await started();
    assert.equal(workerPids(two).size, 2);
    const initialRoot = await get('/tuf/1.root.json');
    await signOnce({
      publicUrl: site.url,
      localUrl: site.url,
      initialRoot,
      token: (email) => site.oidc.token({ issuer: 'email', email, lifetimeSeconds: 60 }),
    });
    trustedRoot = String(await trustedRootOf());
  });

  test('metrics of all workers stand together, told apart by a label', async () => {
    for (let i = 0; i < 4; i += 1) await append();
    const text = (await request(site.metricsUrl)).bytes.toString('utf8');
    for (const worker of [1, 2]) {
      assert.match(text, new RegExp(`^sigstead_worker_up\\{worker="${worker}"\\} 1$`, 'm'));
      assert.match(text, new RegExp(`^sigstead_log_\\w+\\{.*worker="${worker}".*\\} \\d`, 'm'));
    }
    const helps = text.match(/^# HELP \S+/gm) ?? [];
    assert.equal(new Set(helps).size, helps.length);
  });

  test('over one port checkpoints never go back, and an answered entry is in the next one', async () => {
    let running = true;
    let reads = 0;
    let highest = 0;
    const seen = (size: number): void => {
      highest = Math.max(highest, size);
    };
    const readers = Array.from({ length: 4 }, async () => {
      while (running) {
        const floor = highest;
        const size = await checkpointSize();
        assert.ok(size >= floor, `a checkpoint of ${size} after one of ${floor}`);
        seen(size);
        reads += 1;
      }
    });
    const writers = Array.from({ length: 2 }, async () => {
      for (let i = 0; i < 60; i += 1) seen((await append()).size);
    });
    await Promise.all(writers);
    running = false;
    await Promise.all(readers);
    assert.ok(reads > 20, `${reads} reads`);
  });

  test('two workers export one log to one folder, up to what was answered', async () => {
    const { size } = await append();
    const exported = async (): Promise<string> =>
      readFile(join(site.folder, 'tiles', 'checkpoint'), 'utf8').catch(() => '');
    while (!(Number((await exported()).split('\n')[1]) >= size)) await delay(20);
    assert.equal(await exported(), String(await get('/checkpoint')));
  });

  test('SIGTERM answers what the workers have taken, then ends with exit code 0 and no process left', async () => {
    const held = await Promise.all(Array.from({ length: 6 }, heldAppend));
    const end = stopped(two);
    // No worker takes connections any more.
    while (await checkpointSize().then(Boolean, () => false)) await delay(10);
    assert.deepEqual(await Promise.all(held.map(({ finish }) => finish())), Array(6).fill(201));
    await end;
  });

  test('a later start, also with one process, keeps the beginning of all trust material', async () => {
    const spawned = await started('--workers', '1');
    assert.equal(workerPids(spawned).size, 0);
    assert.equal(String(await trustedRootOf()), trustedRoot);
    await append();
    await stopped(spawned);
  });

  test('kill -9 of a worker under requests: what was acknowledged is there, the others answer, another takes its place', async () => {
    two = await started();
    const [[slot, victim] = [0, 0]] = [...workerPids(two)];
    let running = true;
    let killed = false;
    const acknowledged: Awaited<ReturnType<typeof append>>[] = [];
    let afterKill = 0;
    const cut: unknown[] = [];
    const clients = Array.from({ length: 6 }, async () => {
      while (running) {
        const sentAfter = killed;
        try {
          acknowledged.push(await append());
          if (sentAfter) afterKill += 1;
        } catch (error) {
          // Only a request that the victim had taken may be cut.
          if (sentAfter) cut.push(error);
        }
      }
    });
    while (acknowledged.length < 30) await delay(10);
    process.kill(victim, 'SIGKILL');
    await gone(victim);
    killed = true;
    await whenWorkers(two, (pids) => pids.get(slot) !== victim);
    while (afterKill < 30) await delay(10);
    running = false;
    await Promise.all(clients);
    assert.deepEqual(cut, []);
    const size = await checkpointSize();
    assert.equal(new Set(acknowledged.map(({ index }) => index)).size, acknowledged.length);
    for (const { index, entry } of acknowledged) {
      assert.deepEqual(await served(index, size), asBytes('entry', entry['canonicalizedBody']));
    }
  });

  test('kill -9 of the first process leaves no worker behind', async () => {
    const pids = [...workerPids(two).values()];
    two.child.kill('SIGKILL');
    await two.ended;
    for (const pid of pids) await gone(pid);
  });

  test('the state folder holds one mark for each log, and the time of the last timestamp', async () => {
    // Workers were killed before: what one was writing then may lie there still, and counts for nothing.
    const isLeftBehind = (name: string): boolean => {
      const pid = /\.tmp-(\d+)-\d+$/.exec(name)?.[1];
      return pid !== undefined && !existsSync(`/proc/${pid}`);
    };
    const all = await readdir(join(site.folder, 'state'));
    const names = all.filter((name) => !name.startsWith('.') && !isLeftBehind(name));
    assert.deepEqual(names.map((name) => name.replace(/\.\d+$/, '.N')).sort(), [
      'log-ct.N',
      'log-rekor.N',
      'tsa-time.N',
    ]);
  });
});

async function trustedRootOf(): Promise<Buffer> {
  const read = async (path: string): Promise<Json> =>
    asJson(path, parseJson(path, await get(`/tuf/${path}`))['signed']);
  const version = (file: Json, name: string): unknown => asJson(name, asJson(name, file['meta'])[name])['version'];
  const snapshot = await read(`${String(version(await read('timestamp.json'), 'snapshot.json'))}.snapshot.json`);
  const targets = asJson(
    'targets',
    (await read(`${String(version(snapshot, 'targets.json'))}.targets.json`))['targets'],
  );
  const hashes = asJson('hashes', asJson('target', targets['trusted_root.json'])['hashes']);
  return get(`/tuf/targets/${asText('hash', hashes['sha256'])}.trusted_root.json`);
}

suite('bad starts say in one line what to do', { timeout: 60_000 }, () => {
  let other: Site;
  let text: string;
  before(async () => {
    other = await makeSite(database.connectionString);
    text = await readFile(other.configFile, 'utf8');
  });
  after(() => other.close());

  async function refused(from: string | RegExp, to: string): Promise<string> {
    try {
      await other.rewrite(from, to);
      const { code, output } = await command('serve', '--config', other.configFile);
      assert.equal(code, 1, output);
      assert.equal(output.match(/^sigstead: /gm)?.length, 1, output);
      return output;
    } finally {
      await writeFile(other.configFile, text);
    }
  }

  test('no configuration', async () => {
    const { code, output } = await command('serve', '--config', '/nonexistent/x.yaml');
    assert.equal(code, 1);
    assert.match(output, /^sigstead: cannot read .*ENOENT.*print-example shows one\n$/);
  });

  test('a database that does not answer', async () => {
    assert.match(await refused(/url: postgres.*/, 'url: postgresql://u@127.0.0.1:1/d'), /database: .*ECONNREFUSED/);
  });

  test('a password that the environment does not have', async () => {
    assert.match(
      await refused('  migrate: never', '  passwordEnv: SIGSTEAD_NO_SUCH'),
      /passwordEnv: the environment has no SIGSTEAD_NO_SUCH/,
    );
  });

  test('a key that is not there', async () => {
    assert.match(
      await refused('keyFile: rekor.key', 'keyFile: none.key'),
      /logs\[0\]\.keyFile: cannot read .*none\.key/,
    );
  });

  test('a key that is not the certificate’s', async () => {
    assert.match(await refused('keyFile: ca.key', 'keyFile: tsa.key'), /ca\.keyFile: .*is not the key of the first/);
  });

  test('a log with another key than it was made with', async () => {
    assert.match(await refused(/^$/m, ''), /log "rekor" was made with .*another key/);
  });

  test('a port that is taken, also with several workers', async () => {
    const server = createServer();
    const port = Number(new URL(site.url).port);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    try {
      for (const workers of ['1', '2']) {
        const { code, output } = await command('serve', '--config', site.configFile, '--workers', workers);
        assert.equal(code, 1);
        assert.match(output, /port \d+ is taken by another program: change it in the configuration, or free it\n$/);
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
