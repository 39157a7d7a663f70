import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { request } from '../src/http-client.ts';
import { asJson, asText, type Json, parseJson } from '../src/self-test/check.ts';
import { signOnce } from '../src/self-test/index.ts';
import { gone, type Spawned } from './running.ts';
import { heldAppend, type LogClient, logClient } from './serve-entries.ts';
import { Children, command, makeSite, type Site, stopped, workerPids } from './serve-support.ts';

let database: TestDatabase;
let site: Site;
let log: LogClient;
const children = new Children();
before(async () => {
  database = await testDatabase();
  site = await makeSite(database.connectionString);
  log = logClient(site.url);
});
after(async () => {
  await children.close();
  await site.close();
  await database.drop();
});

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
    two = await children.serve(site);
    assert.equal(workerPids(two).size, 2);
    const initialRoot = await log.get('/tuf/1.root.json');
    await signOnce({
      publicUrl: site.url,
      localUrl: site.url,
      initialRoot,
      token: (email) => site.oidc.token({ issuer: 'email', email, lifetimeSeconds: 60 }),
    });
    trustedRoot = String(await trustedRootOf());
  });

  test('metrics of all workers stand together, told apart by a label', async () => {
    for (let i = 0; i < 4; i += 1) await log.append();
    const text = (await request(site.metricsUrl)).bytes.toString('utf8');
    for (const worker of [1, 2]) {
      assert.match(text, new RegExp(`^sigstead_worker_up\\{worker="${worker}"\\} 1$`, 'm'));
      assert.match(text, new RegExp(`^sigstead_log_\\w+\\{.*worker="${worker}".*\\} \\d`, 'm'));
    }
    const helps = text.match(/^# HELP \S+/gm) ?? [];
    assert.equal(new Set(helps).size, helps.length);
  });

  test('SIGTERM answers what the workers have taken, then ends with exit code 0 and no process left', async () => {
    const held = await Promise.all(Array.from({ length: 6 }, () => heldAppend(site.url)));
    const end = stopped(two);
    // No worker takes connections any more.
    while (await log.checkpointSize().then(Boolean, () => false)) await delay(10);
    assert.deepEqual(await Promise.all(held.map(({ finish }) => finish())), Array(6).fill(201));
    await end;
  });

  test('a later start, also with one process, keeps the beginning of all trust material', async () => {
    const spawned = await children.serve(site, '--workers', '1');
    assert.equal(workerPids(spawned).size, 0);
    assert.equal(String(await trustedRootOf()), trustedRoot);
    await log.append();
    await stopped(spawned);
  });

  test('kill -9 of the first process leaves no worker behind', async () => {
    two = await children.serve(site);
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
    asJson(path, parseJson(path, await log.get(`/tuf/${path}`))['signed']);
  const version = (file: Json, name: string): unknown => asJson(name, asJson(name, file['meta'])[name])['version'];
  const snapshot = await read(`${String(version(await read('timestamp.json'), 'snapshot.json'))}.snapshot.json`);
  const targets = asJson(
    'targets',
    (await read(`${String(version(snapshot, 'targets.json'))}.targets.json`))['targets'],
  );
  const hashes = asJson('hashes', asJson('target', targets['trusted_root.json'])['hashes']);
  return log.get(`/tuf/targets/${asText('hash', hashes['sha256'])}.trusted_root.json`);
}
