import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { directoryStore, PRIVATE_FOLDER, prepareDirectory } from '../src/export/directory-store.ts';
import { fileLock } from '../src/export/file-lock.ts';
import { type Files, systemFiles } from '../src/export/files.ts';
import type { ExportObject, ObjectStore } from '../src/export/object-store.ts';

const WRITER = path.join(import.meta.dirname, 'support', 'export-writer.ts');

let base: string;
before(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'sigstead-export-'));
});
after(() => rm(base, { recursive: true, force: true }));

let folders = 0;
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

async function openFolder(folder: string, files: Files = systemFiles): Promise<ObjectStore> {
  await prepareDirectory({ folder, files: systemFiles, nowMs: Date.now() });
  const lock = await fileLock({ file: path.join(folder, PRIVATE_FOLDER, 'lock'), pause, attempts: 3000 });
  return directoryStore({ folder, files, lock });
}

const newFolder = (): string => path.join(base, `target-${folders++}`);
const object = (text: string): ExportObject => ({
  bytes: Buffer.from(text),
  contentType: 'text/plain',
  cacheControl: 'no-cache',
});
const textOf = async (store: ObjectStore, name: string): Promise<string | undefined> => {
  const found = await store.get(name, 1000);
  return found === undefined ? undefined : Buffer.from(found.bytes).toString();
};

test('created once and never changed: the same bytes are the same, others are different and left alone', async () => {
  const folder = newFolder();
  const store = await openFolder(folder);
  assert.equal(await store.createOnly('tile/0/x001/x234/067', object('one')), 'created');
  assert.equal(await store.createOnly('tile/0/x001/x234/067', object('one')), 'same');
  for (const other of ['two', 'onex', '']) {
    assert.equal(await store.createOnly('tile/0/x001/x234/067', object(other)), 'different');
  }
  assert.equal(await textOf(store, 'tile/0/x001/x234/067'), 'one');
  assert.equal(await textOf(store, 'tile/0/x001/x234/068'), undefined);
  const { mode } = await stat(path.join(folder, 'tile/0/x001/x234/067'));
  assert.equal(mode & 0o777, 0o444);
  assert.deepEqual(await readdir(path.join(folder, PRIVATE_FOLDER)), []);
});

test('immutable files can be read by a web server whatever the umask', async () => {
  const old = process.umask(0o077);
  try {
    const folder = newFolder();
    const store = await openFolder(folder);
    await store.createOnly('tile/0/000', object('x'));
    await store.replaceIf('checkpoint', object('c'), undefined);
    assert.equal((await stat(path.join(folder, 'tile/0/000'))).mode & 0o777, 0o444);
    assert.equal((await stat(path.join(folder, 'checkpoint'))).mode & 0o777, 0o644);
  } finally {
    process.umask(old);
  }
});

test('replaced only over what was read: a wrong or missing tag loses, what is wanted already is a success', async () => {
  const store = await openFolder(newFolder());
  assert.equal(await store.replaceIf('checkpoint', object('a'), 'no such tag'), 'lost');
  const a = await store.replaceIf('checkpoint', object('a'), undefined);
  assert.notEqual(a, 'lost');
  assert.equal(await store.replaceIf('checkpoint', object('b'), undefined), 'lost');
  assert.deepEqual(await store.replaceIf('checkpoint', object('a'), undefined), a);
  const tag = (await store.get('checkpoint', 1000))!.tag;
  assert.notEqual(await store.replaceIf('checkpoint', object('b'), tag), 'lost');
  assert.equal(await store.replaceIf('checkpoint', object('c'), tag), 'lost');
  assert.equal(await textOf(store, 'checkpoint'), 'b');
  await assert.rejects(store.get('checkpoint', 0), { code: 'too_large' });
});

/** File operations of which the one at `at` fails, before or after it was done; `dead`: none is done after that. */
function faultyFiles(fault: { at: number; done: boolean; dead: boolean }): { files: Files; operations: () => number } {
  let operations = 0;
  let dead = false;
  const step = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    if (dead) throw new Error('dead');
    const strikes = operations++ === fault.at;
    if (!strikes) return run();
    dead = fault.dead;
    if (fault.done) await run();
    throw Object.assign(new Error(`injected: ${name} ${fault.done ? 'done' : 'not done'}`), { code: 'EIO' });
  };
  const files: Files = {
    read: (file) => step('read', () => systemFiles.read(file)),
    size: (file) => step('size', () => systemFiles.size(file)),
    writeNew: (file, bytes, mode) => step('write', () => systemFiles.writeNew(file, bytes, mode)),
    link: (from, to) => step('link', () => systemFiles.link(from, to)),
    rename: (from, to) => step('rename', () => systemFiles.rename(from, to)),
    makeFolder: (folder) => step('mkdir', () => systemFiles.makeFolder(folder)),
    syncFolder: (folder) => step('sync', () => systemFiles.syncFolder(folder)),
    remove: (file) => step('remove', () => systemFiles.remove(file)),
    removeFolder: (folder) => step('rmdir', () => systemFiles.removeFolder(folder)),
    list: (folder) => step('list', () => systemFiles.list(folder)),
  };
  return { files, operations: () => operations };
}

/** A small export: what matters is which names exist after each step. */
async function smallExport(store: ObjectStore): Promise<void> {
  for (const name of ['tile/entries/000', 'tile/0/000', 'tile/0/001.p/5']) {
    assert.notEqual(await store.createOnly(name, object(`bytes of ${name}`)), 'different');
  }
  const there = await store.get('checkpoint', 1000);
  const replaced = await store.replaceIf('checkpoint', object('new'), there?.tag);
  assert.notEqual(replaced, 'lost');
}

async function checkSmallExport(folder: string): Promise<void> {
  for (const name of ['tile/entries/000', 'tile/0/000', 'tile/0/001.p/5']) {
    assert.equal(await readFile(path.join(folder, name), 'utf8'), `bytes of ${name}`);
  }
  assert.equal(await readFile(path.join(folder, 'checkpoint'), 'utf8'), 'new');
}

test('every file operation failing once, done or not, by error or by kill: no name ever has other bytes than its own', async () => {
  const counting = faultyFiles({ at: -1, done: false, dead: false });
  const plain = newFolder();
  await (await openFolder(plain)).replaceIf('checkpoint', object('old'), undefined);
  await smallExport(await openFolder(plain, counting.files));
  assert.ok(counting.operations() > 25, String(counting.operations()));
  for (let at = 0; at < counting.operations(); at++) {
    for (const [done, dead] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const folder = newFolder();
      const whole = await openFolder(folder);
      await whole.replaceIf('checkpoint', object('old'), undefined);
      const faulty = await openFolder(folder, faultyFiles({ at, done, dead }).files);
      const first = await smallExport(faulty).catch((error: unknown) => error);
      // A scratch file that could not be removed is no failure; everything else that struck is told.
      if (first !== undefined) assert.equal((first as { code?: string }).code, 'unavailable');
      const between = await textOf(whole, 'checkpoint');
      assert.ok(between === 'old' || between === 'new', String(between));
      if (between === 'new') await checkSmallExport(folder);
      await smallExport(dead ? await openFolder(folder) : faulty);
      await checkSmallExport(folder);
    }
  }
});

test('a folder that another process made is made durable by whoever relies on it', async () => {
  const folder = newFolder();
  await (await openFolder(folder)).createOnly('tile/0/x001/000', object('x'));
  const synced: string[] = [];
  const files: Files = {
    ...systemFiles,
    syncFolder: async (each) => {
      synced.push(path.relative(folder, each));
      await systemFiles.syncFolder(each);
    },
  };
  assert.equal(await (await openFolder(folder, files)).createOnly('tile/0/x001/000', object('x')), 'same');
  assert.deepEqual(new Set(synced), new Set(['', 'tile', 'tile/0', 'tile/0/x001']));
});

test('a folder of partial tiles is removed, what stands beside it is not, and it can be written to again', async () => {
  const folder = newFolder();
  const [store, other] = [await openFolder(folder), await openFolder(folder)];
  for (const each of [store, other]) {
    for (const name of ['tile/0/000', 'tile/0/000.p/1', 'tile/0/000.p/200']) await each.createOnly(name, object(name));
  }
  assert.equal(await store.removeFolder('tile/0/000.p'), 2);
  assert.equal(await store.removeFolder('tile/0/000.p'), 0);
  assert.deepEqual(await readdir(path.join(folder, 'tile/0')), ['000']);
  // This process still believes that the folder is there; the second attempt knows better.
  await assert.rejects(other.createOnly('tile/0/000.p/1', object('x')), { code: 'unavailable' });
  assert.equal(await other.createOnly('tile/0/000.p/1', object('x')), 'created');
});

test('scratch files of killed processes are removed after an hour, and not before', async () => {
  const folder = newFolder();
  await openFolder(folder);
  const own = path.join(folder, PRIVATE_FOLDER);
  for (const name of ['tmp-old', 'tmp-new', 'other']) await writeFile(path.join(own, name), '');
  await chmod(path.join(own, 'tmp-old'), 0o444);
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  for (const name of ['tmp-old', 'other']) await utimes(path.join(own, name), longAgo, longAgo);
  await openFolder(folder);
  assert.deepEqual((await readdir(own)).sort(), ['other', 'tmp-new']);
});

/** Another process on the same folder: see support/export-writer.ts. */
function startWriter(folder: string, ...args: string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, [WRITER, folder, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

test('three processes count up in one file by compare and swap: no count is lost, none is used twice', async () => {
  const folder = newFolder();
  await (await openFolder(folder)).replaceIf('checkpoint', object('0'), undefined);
  const writers = Array.from({ length: 3 }, () => startWriter(folder, 'count', '40'));
  const won = await Promise.all(
    writers.map(async (writer) => {
      const lines: number[] = [];
      for await (const line of createInterface({ input: writer.stdout! })) lines.push(Number(line));
      return lines;
    }),
  );
  assert.deepEqual(
    won.flat().sort((a, b) => a - b),
    Array.from({ length: 120 }, (_, i) => i + 1),
  );
  assert.match(await readFile(path.join(folder, 'checkpoint'), 'utf8'), /^120 by /);
});

test('a process killed with the lock in its hand leaves no lock behind; a living one keeps it', async () => {
  const folder = newFolder();
  const store = await openFolder(folder);
  const holder = startWriter(folder, 'hold');
  for await (const line of createInterface({ input: holder.stdout! })) {
    assert.equal(line, 'held');
    break;
  }
  const impatient = await fileLock({ file: path.join(folder, PRIVATE_FOLDER, 'lock'), pause, attempts: 3 });
  await assert.rejects(
    impatient(() => Promise.resolve()),
    { code: 'unavailable' },
  );
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.notEqual(await store.replaceIf('checkpoint', object('x'), undefined), 'lost');
});
