import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { freePort, type TestDatabase, testDatabase } from '@sigstead/test';
import { checkConfig } from '../src/commands/config.ts';
import { initCommand } from '../src/commands/init.ts';
import { Failure } from '../src/failure.ts';
import type { InitFlags } from '../src/flags/serve.ts';
import { request } from '../src/http-client.ts';
import { checkInstance } from '../src/self-test/index.ts';
import { install, serve, stopped } from './serve-support.ts';

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'sigstead-init-'));
});
after(() => rm(base, { recursive: true, force: true }));

function flagsOf(name: string, more: Partial<InitFlags> = {}): InitFlags {
  return {
    folder: join(base, name),
    url: 'https://sigstore.example.org',
    database: 'postgresql://u@h/d',
    listen: '127.0.0.1:8080',
    organization: 'Example',
    ...more,
  };
}

async function init(flags: InitFlags): Promise<string> {
  let output = '';
  const write = (text: string): void => void (output += text);
  await initCommand(flags, { write, nowMs: () => Date.now(), sigstead: 'sigstead' });
  return output;
}

const failure = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.match(error.message, pattern);
  return true;
};

suite('a new installation', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase();
  });
  after(() => database.drop());

  test('serves everything after the commands that init prints', async () => {
    const [port, metricsPort] = [await freePort(), await freePort()];
    const url = `http://localhost:${port}`;
    const flags = flagsOf('whole', { url, listen: `localhost:${port}`, database: database.connectionString });
    const output = await init(flags);
    const configFile = join(flags.folder, 'sigstead.yaml');
    for (const words of ['config check', 'migrate --config', 'log create --config', 'serve --config']) {
      assert.match(output, new RegExp(`^ {2}sigstead ${words} .*sigstead\\.yaml`, 'm'));
    }
    const text = await readFile(configFile, 'utf8');
    // The tests' PostgreSQL does not flush, and the port of the metrics may be taken.
    const changed = text
      .replace('  # passwordEnv', '  dangerouslyAllowUnsafeSettings: true\n  # passwordEnv')
      .replace('127.0.0.1:9464', `127.0.0.1:${metricsPort}`);
    await writeFile(configFile, changed);
    await checkConfig(configFile, { write: () => undefined, exampleFile: '' });
    const site = { folder: flags.folder, configFile };
    await install(site);
    const spawned = await serve(site);
    try {
      assert.equal((await request(`${url}/readyz`)).status, 200);
      const initialRoot = (await request(`${url}/tuf/1.root.json`)).bytes;
      await checkInstance({ publicUrl: url, localUrl: url, initialRoot });
    } finally {
      await stopped(spawned);
    }
  });
});

suite('init', () => {
  test('makes keys for their owner alone, and nothing beside its folder', async () => {
    const { folder } = flagsOf('own');
    const before = process.umask(0);
    await init(flagsOf('own'));
    process.umask(before);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    for (const name of await readdir(join(folder, 'keys'))) {
      if (name.endsWith('.key.pem')) assert.equal((await stat(join(folder, 'keys', name))).mode & 0o777, 0o600, name);
    }
    assert.deepEqual(
      (await readdir(base)).filter((name) => name.includes('draft')),
      [],
    );
  });

  test('never makes keys over others, whatever is in the folder', async () => {
    const flags = flagsOf('used');
    await init(flags);
    const key = await readFile(join(flags.folder, 'keys', 'rekor.key.pem'), 'utf8');
    await assert.rejects(init(flags), failure(/used is not empty: keys are never made over others/));
    assert.equal(await readFile(join(flags.folder, 'keys', 'rekor.key.pem'), 'utf8'), key);
  });

  test('an empty folder will do; a file or a place that cannot be written will not', async () => {
    await mkdir(join(base, 'empty'));
    await init(flagsOf('empty'));
    await writeFile(join(base, 'file'), '');
    await assert.rejects(init(flagsOf('file')), failure(/cannot make .*file \(ENOTDIR\)/));
    await assert.rejects(init(flagsOf('file/below')), failure(/cannot make .*ENOTDIR/));
  });

  test('says what is wrong with an address before it makes anything', async () => {
    await assert.rejects(
      init(flagsOf('bad', { database: 'postgresql://u:secret@h/d', listen: 'nowhere' })),
      failure(/database\.url .*without a password.*listen .*HOST:PORT|listen .*HOST:PORT.*database\.url/),
    );
    assert.ok(!(await readdir(base)).some((name) => name.includes('bad')));
  });
});
