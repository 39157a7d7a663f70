import assert from 'node:assert/strict';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test, type TestOptions } from 'node:test';
import { makeLinks } from '../programs.ts';
import { hold, IS_ROOT, query, tempFolder } from './support.ts';

const NOBODY = { uid: 65534, gid: 65534 };
const asRoot: TestOptions = IS_ROOT ? {} : { skip: 'needs root' };
const asOther: TestOptions =
  IS_ROOT && everyoneMayRead() ? {} : { skip: 'needs root and a checkout that others may read' };

let folder: Awaited<ReturnType<typeof tempFolder>>;

before(async () => {
  folder = await tempFolder();
});
after(() => folder.remove());

/** Another account runs our code only where it can read it. */
function everyoneMayRead(): boolean {
  for (let at = import.meta.dirname; at !== dirname(at); at = dirname(at)) {
    if ((statMode(at) & 0o005) !== 0o005) return false;
  }
  return (statMode(process.execPath) & 0o005) === 0o005;
}

function statMode(path: string): number {
  return statSync(path).mode;
}

test('as root the server runs under an account without rights', asRoot, async () => {
  const holder = await hold(join(folder.path, 'root'));
  assert.equal(holder.last.step, 'ready', JSON.stringify(holder.last));
  const status = await readFile(`/proc/${holder.last.pid}/status`, 'utf8');
  const nobody = /^nobody:[^:]*:(\d+):(\d+):/m.exec(await readFile('/etc/passwd', 'utf8'));
  assert.match(status, new RegExp(`^Uid:\\s+${nobody?.[1]}\\s+${nobody?.[1]}\\s`, 'm'));
  assert.match(status, new RegExp(`^Gid:\\s+${nobody?.[2]}\\s+${nobody?.[2]}\\s`, 'm'));
  assert.match(status, /^Groups:\s*$/m);
  await holder.end();
});

test('as root the programs are copied, not linked, and only root may change them', asRoot, async () => {
  const programs = join(folder.path, 'root', 'programs');
  const [version] = await readdir(programs);
  const postgres = await lstat(join(programs, version ?? '', 'bin', 'postgres'));
  assert.ok(postgres.isFile());
  assert.deepEqual([postgres.uid, postgres.mode & 0o777], [0, 0o755]);
});

test('a strict umask does not lock the server out of its own programs and folders', asRoot, async () => {
  const holder = await hold(join(folder.path, 'umask', 'deep', 'postgres'), { umask: '077' });
  assert.equal(holder.last.step, 'ready', JSON.stringify(holder.last));
  await holder.end();
});

test(
  'as root a folder that the account cannot reach is one line with its remedy, and nothing is made',
  asRoot,
  async () => {
    const closed = join(folder.path, 'closed');
    await mkdir(closed, { mode: 0o700 });
    for (const dataDir of [join(closed, 'a', 'postgres'), join(closed, 'postgres')]) {
      const { last } = await hold(dataDir);
      assert.deepEqual([last.step, last.code], ['failed', 'data_unreachable']);
      assert.ok(last.message?.endsWith(`chmod o+x ${closed}`), JSON.stringify(last));
      assert.doesNotMatch(last.message ?? '', /\n/);
    }
    assert.equal((await stat(closed)).nlink, 2);
    await chmod(closed, 0o711);
    const holder = await hold(join(closed, 'postgres'));
    assert.equal(holder.last.step, 'ready', JSON.stringify(holder.last));
    await holder.end();
  },
);

test('an ordinary user starts it in a folder that only he can enter', asOther, async () => {
  const home = join(folder.path, 'home');
  await mkdir(home);
  await chown(home, NOBODY.uid, NOBODY.gid);
  await chmod(home, 0o700);
  const holder = await hold(join(home, 'data', 'postgres'), NOBODY);
  assert.equal(holder.last.step, 'ready', JSON.stringify(holder.last));
  assert.deepEqual(await query(holder.last.connectionString ?? '', 'SELECT 1 AS one'), [{ one: 1 }]);
  await holder.end();
});

test('root goes on with the data of an ordinary user under that account', asOther, async () => {
  const home = join(folder.path, 'home');
  await chmod(home, 0o711);
  const first = await hold(join(home, 'data', 'postgres'));
  assert.equal(first.last.step, 'ready', JSON.stringify(first.last));
  await first.end();
  const second = await hold(join(home, 'data', 'postgres'), NOBODY);
  assert.equal(second.last.step, 'ready', JSON.stringify(second.last));
  await second.end();
});

test('a folder of another user is refused in one line', asOther, async () => {
  const foreign = join(folder.path, 'foreign');
  await mkdir(foreign, { mode: 0o755 });
  const missing = await hold(join(foreign, 'postgres'), NOBODY);
  assert.deepEqual([missing.last.step, missing.last.code], ['failed', 'data_not_writable']);
  const there = await hold(foreign, NOBODY);
  assert.deepEqual([there.last.step, there.last.code], ['failed', 'data_not_writable']);
});

test('as root a link that an ordinary user planted is not followed', asOther, async () => {
  const planted = join(folder.path, 'planted');
  const precious = join(folder.path, 'precious');
  await mkdir(precious, { mode: 0o755 });
  await writeFile(join(precious, 'file'), 'mine', { mode: 0o600 });
  for (const [name, target] of [
    ['run', precious],
    ['postgres.log', join(precious, 'file')],
  ] as const) {
    await mkdir(planted, { mode: 0o755 });
    await symlink(target, join(planted, name));
    const { last } = await hold(planted);
    assert.equal(last.step, 'failed', name);
    await rm(planted, { recursive: true });
  }
  assert.deepEqual([(await stat(precious)).uid, (await stat(join(precious, 'file'))).uid], [0, 0]);
  assert.equal(await readFile(join(precious, 'file'), 'utf8'), 'mine');
});

test('a user id without an account is refused in one line', asOther, async () => {
  const { last } = await hold(join(folder.path, 'home', 'x'), { uid: 54_321, gid: 54_321 });
  assert.deepEqual([last.step, last.code], ['failed', 'account_missing']);
});

test('the links of the programs are made where an install script did not, and again does no harm', async () => {
  const native = join(folder.path, 'package', 'native');
  await mkdir(join(native, 'lib'), { recursive: true });
  await writeFile(join(native, 'lib', 'libx.so.1.2'), 'x');
  const links = [
    { source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so' },
    { source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' },
  ];
  await writeFile(join(native, 'pg-symlinks.json'), JSON.stringify(links));
  for (let round = 0; round < 2; round++) {
    assert.equal(await makeLinks(native), true);
    for (const name of ['libx.so', 'libx.so.1']) assert.equal(await readlink(join(native, 'lib', name)), 'libx.so.1.2');
  }
});
