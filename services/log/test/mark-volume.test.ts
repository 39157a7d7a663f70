import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type FileMark, fileMark } from '../src/mark/file-mark.ts';
import { type MarkFiles, systemMarkFiles } from '../src/mark/mark-files.ts';
import type { OpenOptions } from './support/test-log.ts';
import { testLogs, type TestLogs, text } from './support/test-log.ts';

const KEY = 'ab'.repeat(32);
const WATCH_MS = 10;
/** Longer than any machine takes: what waits for it fails. */
const PATIENCE_MS = 20_000;

let logs: TestLogs;
let folder: string;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());
beforeEach(async (t) => {
  folder = await mkdtemp(path.join(tmpdir(), 'sigstead-volume-'));
  const made = folder;
  (t as { after(run: () => Promise<void>): void }).after(() => rm(made, { recursive: true, force: true }));
});

const anything = (): Promise<void> => Promise.resolve();
const file = (): string => path.join(folder, 'log-test');
const markOf = (files?: MarkFiles): FileMark =>
  fileMark({ file: file(), key: KEY, ...(files === undefined ? {} : { files }) });

async function marks(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => /^log-test\.\d+$/.test(name));
}

/** A log that is watched, with a mark of its own that stands at its size. */
async function marked(options: OpenOptions = {}): Promise<Awaited<ReturnType<TestLogs['open']>>> {
  const log = await logs.open({ mark: markOf(), newMark: { atLeast: 0 }, watchMs: WATCH_MS, ...options });
  await log.sequencer.append(text(`entry for ${folder}`));
  return log;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!holds()) {
    assert.ok(performance.now() < endMs, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const only = async (): Promise<string> => path.join(folder, (await marks())[0] ?? '');

const harm: Record<
  string,
  { act: () => Promise<unknown>; says: RegExp; atStart: { code: string; says: RegExp } | 'halted' }
> = {
  removed: {
    act: async () => rm(await only()),
    says: /the mark \(size \d+ root [0-9a-f]{64}\) was taken away: there is none in/,
    atStart: { code: 'misconfigured', says: /no high-water mark/ },
  },
  'taken away with its folder': {
    act: () => rm(folder, { recursive: true }),
    says: /was taken away: there is none in/,
    atStart: { code: 'misconfigured', says: /no high-water mark/ },
  },
  emptied: { act: async () => writeFile(await only(), ''), says: /is damaged/, atStart: 'halted' },
  'cut off': { act: async () => writeFile(await only(), 'sigstead-mark-v1\n'), says: /is damaged/, atStart: 'halted' },
  'put in the place of another log': {
    act: async () => {
      const [name = ''] = await marks();
      const theirs = fileMark({ file: path.join(folder, 'theirs'), key: 'cd'.repeat(32) });
      const size = Number(name.split('.')[1]);
      await theirs.advance({ size, root: new Uint8Array(32) }, anything);
      await rename(path.join(folder, `theirs.${size}`), path.join(folder, name));
    },
    says: /belongs to a log with another key/,
    atStart: 'halted',
  },
  'set back': {
    act: async () => {
      await rm(await only());
      await fileMark({ file: file(), key: KEY }).advance({ size: 1, root: new Uint8Array(32) }, anything);
    },
    says: /was taken away: the highest is/,
    atStart: 'halted',
  },
};

for (const [what, { act, says, atStart }] of Object.entries(harm)) {
  test(`a mark that is ${what} halts a log that nobody writes to, and is no start`, async () => {
    await (await logs.open()).sequencer.append(text('so that there is a smaller tree'));
    const log = await marked();
    await act();
    await until('it halts', () => log.tree.haltedBy !== undefined);
    assert.match(log.tree.haltedBy?.detail ?? '', says);
    await assert.rejects(log.sequencer.append(text('more')), { code: 'halted' });
    if (atStart !== 'halted') {
      await assert.rejects(logs.open({ mark: markOf() }), { code: atStart.code, message: atStart.says });
      return;
    }
    const started = await logs.open({ mark: markOf() });
    assert.notEqual(started.tree.haltedBy, undefined);
    assert.throws(() => started.tree.published, { code: 'halted' });
  });
}

test('a new mark is made only for a database with so many entries as somebody knows of', async () => {
  const { size } = (await marked()).tree.published.head;
  await rm(await only());
  await assert.rejects(logs.open({ mark: markOf(), newMark: { atLeast: size + 1 } }), {
    code: 'misconfigured',
    message: /less than the \d+ entries there must be: it was set back/,
  });
  assert.deepEqual(await marks(), []);
  await logs.open({ mark: markOf(), newMark: { atLeast: size } });
  assert.deepEqual(await marks(), [`log-test.${size}`]);
  await logs.open({ mark: markOf() });
});

function failing(code: string, operation: keyof MarkFiles): { files: MarkFiles; heal: () => void } {
  let broken = true;
  const error = (): Error => Object.assign(new Error(`${code}: injected`), { code, syscall: operation });
  const fail = (): Promise<never> => Promise.reject(error());
  const files: MarkFiles = { ...systemMarkFiles };
  const real = systemMarkFiles[operation] as (...args: unknown[]) => Promise<unknown>;
  Object.assign(files, { [operation]: (...args: unknown[]) => (broken ? fail() : real(...args)) });
  return {
    files,
    heal: () => {
      broken = false;
    },
  };
}

const volumes: [what: string, code: string, operation: keyof MarkFiles, says: RegExp][] = [
  ['a full volume', 'ENOSPC', 'writeNew', /the high-water mark cannot be raised: ENOSPC/],
  ['a volume that has become read-only', 'EROFS', 'writeNew', /cannot be raised: EROFS/],
  ['a volume on which no link can be made', 'EPERM', 'link', /cannot be raised: EPERM/],
  ['a folder that may not be read', 'EACCES', 'names', /cannot be read: EACCES/],
  ['a file that may not be read', 'EACCES', 'read', /cannot be read: EACCES/],
  ['a volume with an error', 'EIO', 'syncFolder', /cannot be raised: EIO/],
];

for (const [what, code, operation, says] of volumes) {
  test(`${what} (${code}) is no start, answers nobody while it lasts, and is forgotten afterwards`, async () => {
    // Its own watch would raise the mark in the place of the one that cannot.
    await (await marked()).close();
    const reads = operation === 'names' || operation === 'read';
    const atStart = failing(code, operation);
    if (reads) {
      await assert.rejects(logs.open({ mark: markOf(atStart.files) }), (error: { code?: string; detail?: string }) => {
        assert.equal(error.code, 'unavailable');
        assert.match(error.detail ?? '', says);
        return true;
      });
    }
    const running = failing(code, operation);
    running.heal();
    const broken = failing(code, operation);
    // The same object for the life of the log: sound at first.
    let files = running.files;
    const view = new Proxy(systemMarkFiles, { get: (_, name) => files[name as keyof MarkFiles] });
    const log = await logs.open({ mark: markOf(view), watchMs: WATCH_MS });
    const { size } = log.tree.published.head;
    files = broken.files;
    await assert.rejects(log.sequencer.append(text(`during ${folder}`)), { code: 'unavailable' });
    await until('readiness says why', () => log.trouble() !== undefined);
    assert.match(log.trouble() ?? '', /mark and database cannot be compared/);
    assert.equal(log.tree.published.head.size, size, 'nothing is shown that is not marked');
    assert.equal(log.tree.haltedBy, undefined, 'it passes');
    broken.heal();
    await until('readiness forgets it', () => log.trouble() === undefined);
    // What was committed meanwhile was raised by the watch, without anybody asking.
    if (!reads) assert.equal(log.tree.published.head.size, size + 1);
    assert.equal((await log.sequencer.append(text(`during ${folder}`))).kind, reads ? 'added' : 'duplicate');
    assert.deepEqual(await marks(), [`log-test.${size + 1}`]);
  });
}

test('what killed processes left behind goes when it is old by the clock of the volume, and nothing else does', async () => {
  await marked();
  const names = ['tmp-1-0', 'tmp-999999-7', 'tmp-3-3'].map((name) => `${file()}.${name}`);
  for (const name of names) await writeFile(name, 'left');
  const oldSec = Date.now() / 1000 - 3600;
  const [first = '', second = '', fresh = ''] = names;
  for (const name of [first, second]) await utimes(name, oldSec, oldSec);
  const other = path.join(folder, 'log-test2.tmp-1-0');
  await writeFile(other, 'of another log');
  await utimes(other, oldSec, oldSec);
  const [mark = ''] = await marks();
  await utimes(path.join(folder, mark), oldSec, oldSec);
  assert.equal(await markOf().sweep(), 2);
  assert.deepEqual((await readdir(folder)).sort(), [mark, path.basename(fresh), path.basename(other)].sort());
  assert.equal(await markOf().sweep(), 0);
});

test('a process whose file was swept away before it could link it does not answer', async () => {
  const files: MarkFiles = {
    ...systemMarkFiles,
    link: async (from, to) => {
      await rm(from);
      return systemMarkFiles.link(from, to);
    },
  };
  await assert.rejects(markOf(files).advance({ size: 1, root: new Uint8Array(32) }, anything), { code: 'unavailable' });
  assert.deepEqual(await marks(), []);
});

/** What another process has linked and not yet synced. */
async function linkedOnly(size: number): Promise<void> {
  const syncFolder = (): Promise<never> => Promise.reject(Object.assign(new Error('EIO'), { syscall: 'fsync' }));
  const theirs = markOf({ ...systemMarkFiles, syncFolder });
  await assert.rejects(theirs.advance({ size, root: new Uint8Array(32) }, anything), { code: 'unavailable' });
}

for (const [what, size] of [
  ['the same mark', 2],
  ['a higher mark', 3],
] as const) {
  test(`${what} that another process has linked is made durable before anything rests on it, once`, async () => {
    await markOf().advance({ size: 1, root: new Uint8Array(32) }, anything);
    const events: string[] = [];
    const ours = markOf({
      ...systemMarkFiles,
      async syncFolder(at) {
        events.push('synced');
        await systemMarkFiles.syncFolder(at);
      },
      async remove(name) {
        events.push(`removed ${path.basename(name)}`);
        await systemMarkFiles.remove(name);
      },
    });
    await linkedOnly(size);
    const mark = { size: 2, root: new Uint8Array(32) };
    assert.equal((await ours.advance(mark, anything)).size, size);
    assert.deepEqual(events.slice(0, 2), ['synced', 'removed log-test.1']);
    await ours.advance(mark, anything);
    assert.equal(events.filter((event) => event === 'synced').length, 1);
  });
}

test('a mark whose file is named as if it were a left-over of another is never swept', async () => {
  const theirs = fileMark({ file: `${file()}.tmp-1-2`, key: KEY });
  await theirs.advance({ size: 5, root: new Uint8Array(32) }, anything);
  const oldSec = Date.now() / 1000 - 3600;
  await utimes(`${file()}.tmp-1-2.5`, oldSec, oldSec);
  await writeFile(`${file()}.tmp-7-7`, 'left');
  assert.equal(await markOf().sweep(), 0);
  assert.equal((await theirs.read())?.size, 5);
});

test('a folder of marks that is a file, or is away, is no start', async () => {
  await marked();
  await rename(folder, `${folder}-away`);
  try {
    await assert.rejects(logs.open({ mark: markOf() }), { code: 'misconfigured', message: /no high-water mark/ });
    await writeFile(folder, 'a file');
    await assert.rejects(logs.open({ mark: markOf() }), { code: 'unavailable' });
  } finally {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    await rm(`${folder}-away`, { recursive: true });
  }
});
