import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { X509Certificate } from 'node:crypto';
import { decodePem } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { openDataFolder, openEphemeralFolder } from '../src/dev/data-folder.ts';
import { readInstance, writeInstance } from '../src/dev/instance-file.ts';
import { prepareKeys } from '../src/dev/keys.ts';
import { prepareReadyFile } from '../src/dev/ready-file.ts';
import { loadSettings, publicUrlOn } from '../src/dev/settings.ts';
import { Failure } from '../src/failure.ts';

let base: string;
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'sigstead-cli-'));
});
after(() => rm(base, { recursive: true, force: true }));

const failure = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.match(error.message, pattern);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

suite('data folder', () => {
  test('is made for its owner alone; as root other accounts may pass through it', async () => {
    const before = process.umask(0o077);
    const own = await openDataFolder({ dir: join(base, 'own'), shared: false });
    const shared = await openDataFolder({ dir: join(base, 'new', 'shared'), shared: true });
    process.umask(before);
    assert.equal((await stat(own.path)).mode & 0o777, 0o700);
    assert.equal((await stat(shared.path)).mode & 0o777, 0o711);
    assert.equal((await stat(join(base, 'new'))).mode & 0o777, 0o711);
    await own.close();
    await shared.close();
  });

  test('belongs to one process at a time, by whatever name it is called, and is free again after close', async () => {
    const dir = join(base, 'locked');
    const first = await openDataFolder({ dir, shared: false });
    await symlink(dir, join(base, 'alias'));
    await assert.rejects(openDataFolder({ dir, shared: false }), failure(/is in use: stop the instance/));
    await assert.rejects(openDataFolder({ dir: join(base, 'alias'), shared: false }), failure(/is in use/));
    await first.close();
    await (await openDataFolder({ dir, shared: false })).close();
  });

  test('is not made among a person’s files', async () => {
    const dir = join(base, 'home');
    await mkdir(dir);
    await writeFile(join(dir, 'thesis.tex'), 'x');
    await assert.rejects(openDataFolder({ dir, shared: false }), failure(/holds other files \(thesis\.tex\)/));
  });

  test('what a start that failed left behind is no obstacle', async () => {
    const dir = join(base, 'again');
    await (await openDataFolder({ dir, shared: false })).close();
    await writeFile(join(dir, 'sigstead.yaml'), 'version: 1\n');
    await mkdir(join(dir, 'keys.draft-1'));
    await (await openDataFolder({ dir, shared: false })).close();
  });

  test('a file in its place, or in the way to it, is said', async () => {
    const file = join(base, 'file');
    await writeFile(file, '');
    await assert.rejects(openDataFolder({ dir: file, shared: false }), failure(/is not a folder/));
    await assert.rejects(openDataFolder({ dir: join(file, 'below'), shared: false }), failure(/is not a folder/));
  });

  test('a folder that cannot be written is said', {
    skip: process.getuid?.() === 0 && 'root may write anywhere',
  }, async () => {
    const dir = join(base, 'frozen');
    await mkdir(dir);
    await chmod(dir, 0o500);
    await assert.rejects(openDataFolder({ dir, shared: false }), failure(/cannot write to the data folder/));
  });

  test('an ephemeral one is gone after close', async () => {
    const folder = await openEphemeralFolder(true);
    await writeFile(join(folder.path, 'x'), 'x');
    await folder.close();
    await assert.rejects(stat(folder.path));
  });
});

suite('instance file', () => {
  test('comes back as written; a damaged or newer one stops the start', async () => {
    const dir = join(base, 'instance');
    await mkdir(dir);
    assert.equal(await readInstance(dir), undefined);
    const instance = { format: 1, id: 'a', createdMs: 5_000, databaseBound: false, selfTested: false } as const;
    await writeInstance(dir, instance);
    assert.deepEqual(await readInstance(dir), instance);
    await writeFile(join(dir, 'instance.json'), '{"format":2,"id":"a","createdMs":1}');
    await assert.rejects(readInstance(dir), failure(/newer release/));
    for (const text of ['', 'null', '{}', '{"format":1']) {
      await writeFile(join(dir, 'instance.json'), text);
      await assert.rejects(readInstance(dir), failure(/is damaged/));
    }
  });
});

suite('keys', () => {
  test('are made once, for their owner alone, and say that they are for development', async () => {
    const dataDir = join(base, 'ring');
    await mkdir(join(dataDir, 'keys.draft-99'), { recursive: true });
    const options = { dataDir, createdMs: 1_764_000_000_000, mayMake: true };
    await prepareKeys(options);
    const read = (name: string): Promise<string> => readFile(join(dataDir, 'keys', name), 'utf8');
    const names = (await readdir(join(dataDir, 'keys'))).sort();
    const made = await Promise.all(names.map(read));
    await prepareKeys({ ...options, mayMake: false });
    assert.deepEqual(await Promise.all(names.map(read)), made);
    await assert.rejects(stat(join(dataDir, 'keys.draft-99')));
    assert.equal((await stat(join(dataDir, 'keys'))).mode & 0o777, 0o700);
    for (const name of names.filter((each) => each.endsWith('.key.pem'))) {
      assert.equal((await stat(join(dataDir, 'keys', name))).mode & 0o777, 0o600, name);
    }
    for (const name of names.filter((each) => each.endsWith('.crt.pem'))) {
      for (const { bytes } of decodePem(await read(name))) {
        assert.match(new X509Certificate(bytes).subject, /development/);
      }
    }
    const spkis = await Promise.all(
      names
        .filter((name) => name.endsWith('.key.pem'))
        .map(async (name) => Buffer.from(signerFromPem(await read(name)).spki).toString('hex')),
    );
    assert.equal(spkis.length, 12);
    assert.equal(new Set(spkis).size, spkis.length, 'every key has one use');
  });

  test('chains are written from their certificates, also in a folder that has none yet', async () => {
    const dataDir = join(base, 'chains');
    await mkdir(dataDir);
    await prepareKeys({ dataDir, createdMs: 1_764_000_000_000, mayMake: true });
    const path = join(dataDir, 'keys', 'tsa-chain.crt.pem');
    const chain = await readFile(path, 'utf8');
    const subjects = decodePem(chain).map(({ bytes }) => new X509Certificate(bytes));
    assert.equal(subjects.length, 3);
    assert.ok(subjects[0] && subjects[1] && subjects[0].checkIssued(subjects[1]));
    for (const spoil of [() => rm(path), () => writeFile(path, 'other')]) {
      await spoil();
      await prepareKeys({ dataDir, createdMs: 0, mayMake: false });
      assert.equal(await readFile(path, 'utf8'), chain);
    }
  });

  test('that are lost are never made anew, and damaged ones stop the start', async () => {
    const dataDir = join(base, 'lost');
    await mkdir(dataDir);
    await assert.rejects(
      prepareKeys({ dataDir, createdMs: 0, mayMake: false }),
      failure(/keys of this instance are gone/),
    );
    await mkdir(join(dataDir, 'keys'));
    await assert.rejects(prepareKeys({ dataDir, createdMs: 0, mayMake: true }), failure(/cannot be used/));
  });
});

suite('settings', () => {
  const dir = async (name: string, yaml?: string): Promise<string> => {
    const path = join(base, name);
    await mkdir(path);
    if (yaml !== undefined) await writeFile(join(path, 'sigstead.yaml'), yaml);
    return path;
  };

  test('the file is made on first start, can be read, and every key in it is known', async () => {
    const path = await dir('first');
    const settings = await loadSettings(path, { ephemeral: false }, undefined);
    assert.deepEqual(settings, {
      port: 8080,
      host: 'localhost',
      metricsPort: 0,
      logLevel: 'warn',
      ctLeafIndex: false,
    });
    const text = await readFile(join(path, 'sigstead.yaml'), 'utf8');
    await writeFile(join(path, 'sigstead.yaml'), text.replaceAll(/^#(\w)/gm, '$1'));
    const all = await loadSettings(path, { ephemeral: false }, undefined);
    assert.equal(all.publicUrl, 'http://localhost:8080');
    assert.equal(all.metricsPort, 9090);
    assert.equal(all.grpcPort, 3001);
  });

  test('the command line wins over the file, the file over what is remembered', async () => {
    const remembered = { format: 1, id: 'a', createdMs: 0, databaseBound: true, selfTested: true, port: 1111 } as const;
    const withFile = await dir('order', 'version: 1\nport: 2222\nlogLevel: error\n');
    const without = await dir('plain');
    assert.equal((await loadSettings(without, { ephemeral: false }, remembered)).port, 1111);
    assert.equal((await loadSettings(withFile, { ephemeral: false }, remembered)).port, 2222);
    assert.equal((await loadSettings(withFile, { ephemeral: false, port: 0 }, remembered)).port, 0);
    const ofCt = async (path: string, flags: { ctLeafIndex?: boolean }, was: boolean): Promise<boolean> =>
      (await loadSettings(path, { ephemeral: false, ...flags }, { ...remembered, ctLeafIndex: was })).ctLeafIndex;
    assert.equal(await ofCt(without, {}, true), true);
    assert.equal(await ofCt(without, { ctLeafIndex: true }, false), true);
    assert.equal(await ofCt(await dir('ct', 'version: 1\nctLeafIndex: false\n'), {}, true), false);
  });

  test('an unknown key stops the start with its path; so do wrong values and a missing named file', async () => {
    const cases: [string, RegExp][] = [
      ['version: 1\nprot: 1\n', /prot.*unknown key/],
      ['version: 2\n', /version/],
      ['port: 1\n', /version.*missing/],
      ['version: 1\nport: 70000\n', /port.*65535/],
      ['version: 1\npublicUrl: http://localhost/a\n', /publicUrl.*without a path/],
      ['version: [1\n', /sigstead\.yaml/],
    ];
    for (const [index, [yaml, message]] of cases.entries()) {
      const path = await dir(`bad${index}`, yaml);
      await assert.rejects(loadSettings(path, { ephemeral: false }, undefined), failure(message));
    }
    const missing = { ephemeral: false, config: join(base, 'none.yaml') };
    await assert.rejects(loadSettings(base, missing, undefined), failure(/cannot read the settings file/));
  });

  test('only a public URL that is not the usual one is remembered', () => {
    const settings = { port: 0, host: 'localhost', metricsPort: 0, logLevel: 'warn', ctLeafIndex: false } as const;
    assert.deepEqual(publicUrlOn(settings, 81), { url: 'http://localhost:81' });
    assert.deepEqual(publicUrlOn({ ...settings, publicUrl: 'http://localhost:81' }, 81), {
      url: 'http://localhost:81',
    });
    const other = 'https://sigstore.test';
    assert.deepEqual(publicUrlOn({ ...settings, publicUrl: other }, 81), { url: other, remembered: other });
  });
});

suite('ready file', () => {
  test('an old one is gone before the start begins', async () => {
    const path = join(base, 'sub', 'ready.json');
    await mkdir(join(base, 'sub'));
    await writeFile(path, 'old');
    const file = await prepareReadyFile(path);
    await assert.rejects(stat(path));
    await file.remove();
  });

  test('a place that cannot be written is said before anything is started', async () => {
    await writeFile(join(base, 'blocked'), '');
    await assert.rejects(prepareReadyFile(join(base, 'blocked', 'r')), failure(/cannot write the ready file/));
  });
});
