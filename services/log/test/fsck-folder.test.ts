import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { checkTree } from '../src/fsck/check-tree.ts';
import { readCheckpointKey } from '../src/fsck/checkpoint-key.ts';
import { folderSource } from '../src/fsck/folder-source.ts';
import type { TreeProblem, TreeReport } from '../src/fsck/report.ts';
import type { TreeSource } from '../src/fsck/source.ts';
import {
  bundleOf,
  checkpointText,
  filesBelow,
  Folders,
  goldenEntries,
  KEY_PEM,
  ORIGIN,
  rootOf,
  treeFiles,
} from './support/folder-log.ts';
import { hasher } from './support/test-log.ts';

const key = readCheckpointKey(KEY_PEM);
const check = (source: TreeSource): Promise<TreeReport> => checkTree({ source, hasher, key, readAhead: 4 });

const laidOut = new Folders();
after(() => laidOut.remove());
const folderOf = laidOut.lay;

/** The same port over a map: thousands of tampered logs without a disk. */
function memorySource(files: ReadonlyMap<string, Uint8Array>): TreeSource {
  return {
    name: 'memory',
    read: (path) => Promise.resolve(files.get(path)),
    forms(fullPath) {
      const widths = Array.from({ length: 255 }, (_, i) => i + 1).filter((w) => files.has(`${fullPath}.p/${w}`));
      return Promise.resolve(files.has(fullPath) ? [...widths, 256] : widths);
    },
    close: () => Promise.resolve(),
  };
}

const GOLDEN: Record<number, [root: string, tiles: number]> = {
  1: ['db3426e878068d28d269b6c87172322ce5372b65756d0789001d34835f601c03', 1],
  2: ['cb00989d94a569c0a678ae042b63dcd4625db96440517f37a6eb7976ea24ed4b', 1],
  255: ['32f85bcaa87d7bcd05728f09e9aeba350ba6a2f733830087f0597682848be5cb', 1],
  256: ['828515d033c19d8c901f37eccb8aed919667703486f8d2fff1cf7040321c5db1', 2],
  257: ['1eda049a4351d86f76252bd7ec0b7746ad75b7fa0316ad5f541dbda458a312c4', 3],
  65537: ['dc8795a25fd4bd52a0b84f639fd3139ba160824023d188e428eb5db0f3ce221a', 259],
};

for (const [text, [root, tiles]] of Object.entries(GOLDEN)) {
  const size = Number(text);
  test(`a sound folder of ${size} golden entries is ok, all of it was read, and nothing was written`, async () => {
    const folder = await folderOf(treeFiles(goldenEntries(size)));
    const before = await filesBelow(folder);
    const seen: number[] = [];
    const source = folderSource(folder);
    const report = await checkTree({ source, hasher, key, readAhead: 4, onProgress: (at) => seen.push(at.entries) });
    assert.deepEqual(report.problems, []);
    assert.equal(report.outcome, 'ok');
    assert.equal(report.complete, true);
    assert.equal(report.root, root);
    assert.equal(report.signature, 'verified');
    assert.equal(report.origin, ORIGIN);
    const { entries, bundles, tiles: tilesRead } = report.checked;
    assert.deepEqual(
      { entries, bundles, tilesRead },
      { entries: size, bundles: Math.ceil(size / 256), tilesRead: tiles },
    );
    assert.equal(seen.at(-1), size);
    assert.deepEqual(await filesBelow(folder), before);
  });
}

test('a log without entries is never ok, and a false root of it is told', async () => {
  const sound = await check(memorySource(treeFiles([])));
  assert.deepEqual([sound.outcome, sound.problems.length], ['empty', 0]);
  const files = new Map([['checkpoint', Buffer.from(checkpointText(0, hasher.leaf(Buffer.from('x'))))]]);
  const bad = await check(memorySource(files));
  assert.deepEqual([bad.outcome, bad.problems[0]?.code], ['bad', 'root']);
});

test('an empty folder, a folder that is not there and a file are never ok', async () => {
  for (const folder of [await folderOf(new Map()), '/nowhere/at/all', import.meta.filename]) {
    const report = await check(folderSource(folder));
    assert.deepEqual([report.outcome, report.complete, report.problems[0]?.code], ['bad', false, 'checkpoint'], folder);
  }
});

/** Two levels above the entries, and a partial tile on each level. */
const SIZE = 256 * 3 + 7;
const ENTRIES = goldenEntries(SIZE);
const ROOT = rootOf(ENTRIES.map((entry) => hasher.leaf(entry)));
const SOUND: ReadonlyMap<string, Buffer> = treeFiles(ENTRIES);

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

const get = (path: string): Buffer => SOUND.get(path) ?? assert.fail(path);
const leafHash = (entry: number, bytes: Uint8Array = ENTRIES[entry] ?? assert.fail()): string =>
  Buffer.from(hasher.leaf(bytes)).toString('hex');
const hashIn = (path: string, slot: number, bytes: Buffer = get(path)): string =>
  bytes.subarray(slot * 32, slot * 32 + 32).toString('hex');

/** Entry 300 is the 45th of its bundle: "300" behind its length. */
const AT_300 = bundleOf(ENTRIES.slice(256, 300)).length;
const BODY = get('checkpoint').toString();

const TAMPERED: Record<string, { change: (files: Map<string, Buffer>) => void; first: Partial<TreeProblem> }> = {
  'one bit of an entry': {
    change: (files) => files.set('tile/entries/001', flipped(get('tile/entries/001'), AT_300 + 2)),
    first: {
      code: 'entry',
      resource: 'tile/entries/001',
      entry: 300,
      slot: 44,
      expected: leafHash(300),
      found: leafHash(300, Buffer.from('200')),
    },
  },
  'one bit of an entry of the partial bundle': {
    change: (files) => files.set('tile/entries/003.p/7', flipped(get('tile/entries/003.p/7'), 2)),
    first: { code: 'entry', resource: 'tile/entries/003.p/7', entry: 768, slot: 0, expected: leafHash(768) },
  },
  'one bit of a length': {
    change: (files) => files.set('tile/entries/001', flipped(get('tile/entries/001'), AT_300 + 1)),
    first: { code: 'entry', resource: 'tile/entries/001', entry: 300, expected: leafHash(300) },
  },
  'a hash of a full tile of level 0': {
    change: (files) => files.set('tile/0/001', flipped(get('tile/0/001'), 44 * 32)),
    first: {
      code: 'tile',
      resource: 'tile/0/001',
      slot: 44,
      entry: 300,
      expected: leafHash(300),
      found: hashIn('', 44, flipped(get('tile/0/001'), 44 * 32)),
    },
  },
  'a hash of the partial tile of level 0': {
    change: (files) => files.set('tile/0/003.p/7', flipped(get('tile/0/003.p/7'), 6 * 32 + 31)),
    first: { code: 'tile', resource: 'tile/0/003.p/7', slot: 6, entry: 774, expected: leafHash(774) },
  },
  'a hash of level 1': {
    change: (files) => files.set('tile/1/000.p/3', flipped(get('tile/1/000.p/3'), 2 * 32)),
    first: { code: 'tile', resource: 'tile/1/000.p/3', slot: 2, entry: 512, expected: hashIn('tile/1/000.p/3', 2) },
  },
  'an entry and its tile, changed alike': {
    change: (files) => {
      const other = treeFiles(ENTRIES.with(300, Buffer.from('evil')));
      for (const path of ['tile/entries/001', 'tile/0/001']) files.set(path, other.get(path) ?? assert.fail());
    },
    first: { code: 'subtree', resource: 'tile/1/000.p/3', slot: 1, entry: 256, expected: hashIn('tile/1/000.p/3', 1) },
  },
  'everything but the checkpoint, changed alike': {
    change: (files) => {
      for (const [path, bytes] of treeFiles(ENTRIES.with(300, Buffer.from('evil')))) {
        if (path !== 'checkpoint') files.set(path, bytes);
      }
    },
    first: {
      code: 'root',
      resource: 'checkpoint',
      found: Buffer.from(ROOT).toString('hex'),
    },
  },
  'a bundle cut off inside an entry': {
    change: (files) => files.set('tile/entries/000', get('tile/entries/000').subarray(0, -1)),
    first: { code: 'malformed', resource: 'tile/entries/000', entry: 255 },
  },
  'a bundle cut off between entries': {
    change: (files) => files.set('tile/entries/000', bundleOf(ENTRIES.slice(0, 200))),
    first: { code: 'malformed', resource: 'tile/entries/000', entry: 200 },
  },
  'an empty bundle': {
    change: (files) => files.set('tile/entries/000', Buffer.alloc(0)),
    first: { code: 'malformed', resource: 'tile/entries/000', entry: 0 },
  },
  'bytes after a full bundle': {
    change: (files) => files.set('tile/entries/001', Buffer.concat([get('tile/entries/001'), Buffer.of(0)])),
    first: { code: 'malformed', resource: 'tile/entries/001', entry: 512 },
  },
  'one entry more in the partial bundle': {
    change: (files) => files.set('tile/entries/003.p/7', bundleOf([...ENTRIES.slice(768), Buffer.from('more')])),
    first: { code: 'malformed', resource: 'tile/entries/003.p/7', entry: 775 },
  },
  'bundles swapped': {
    change: (files) => {
      files.set('tile/entries/001', get('tile/entries/002'));
      files.set('tile/entries/002', get('tile/entries/001'));
    },
    first: {
      code: 'entry',
      resource: 'tile/entries/001',
      entry: 256,
      slot: 0,
      expected: leafHash(256),
      found: leafHash(512),
    },
  },
  'a full tile cut short': {
    change: (files) => files.set('tile/0/002', get('tile/0/002').subarray(0, -32)),
    first: { code: 'malformed', resource: 'tile/0/002' },
  },
  'a full tile too long': {
    change: (files) => files.set('tile/0/002', Buffer.concat([get('tile/0/002'), Buffer.alloc(32)])),
    first: { code: 'malformed', resource: 'tile/0/002' },
  },
  'a full bundle missing': {
    change: (files) => files.delete('tile/entries/002'),
    first: { code: 'missing', resource: 'tile/entries/002', entry: 512 },
  },
  'the partial bundle missing': {
    change: (files) => files.delete('tile/entries/003.p/7'),
    first: { code: 'missing', resource: 'tile/entries/003.p/7', entry: 768 },
  },
  'a full tile missing': {
    change: (files) => files.delete('tile/0/000'),
    first: { code: 'missing', resource: 'tile/0/000' },
  },
  'the partial tile of level 0 missing': {
    change: (files) => files.delete('tile/0/003.p/7'),
    first: { code: 'missing', resource: 'tile/0/003.p/7' },
  },
  'the tile of level 1 missing': {
    change: (files) => files.delete('tile/1/000.p/3'),
    first: { code: 'missing', resource: 'tile/1/000.p/3' },
  },
  'another root, signed': {
    change: (files) => files.set('checkpoint', Buffer.from(checkpointText(SIZE, hasher.leaf(Buffer.from('x'))))),
    first: {
      code: 'root',
      resource: 'checkpoint',
      expected: Buffer.from(ROOT).toString('hex'),
    },
  },
  'a smaller size, signed': {
    change: (files) => files.set('checkpoint', Buffer.from(checkpointText(768, ROOT))),
    first: { code: 'root', resource: 'checkpoint' },
  },
  'a larger size, signed': {
    change: (files) => files.set('checkpoint', Buffer.from(checkpointText(SIZE + 1, ROOT))),
    first: { code: 'missing', resource: 'tile/0/003.p/8' },
  },
  'an enormous size, signed': {
    change: (files) => files.set('checkpoint', Buffer.from(checkpointText(Number.MAX_SAFE_INTEGER, ROOT))),
    first: { code: 'missing', resource: 'tile/0/003' },
  },
  'another root, not signed': {
    change: (files) => files.set('checkpoint', Buffer.from(BODY.replace(/^.*=\n/m, `${'A'.repeat(43)}=\n`))),
    first: { code: 'signature', resource: 'checkpoint' },
  },
  'another origin': {
    change: (files) => files.set('checkpoint', Buffer.from(checkpointText(SIZE, ROOT, 'evil.test'))),
    first: { code: 'checkpoint', resource: 'checkpoint' },
  },
  'no checkpoint': {
    change: (files) => files.delete('checkpoint'),
    first: { code: 'checkpoint', resource: 'checkpoint' },
  },
  'a checkpoint that is none': {
    change: (files) => files.set('checkpoint', Buffer.from('hello\n')),
    first: { code: 'checkpoint', resource: 'checkpoint' },
  },
};

for (const [name, { change, first }] of Object.entries(TAMPERED)) {
  test(`tampering is found and named first: ${name}`, async () => {
    const files = new Map(SOUND);
    change(files);
    const source = memorySource(files);
    const report = await checkTree({ source, hasher, key, origin: ORIGIN, readAhead: 3 });
    assert.equal(report.outcome, 'bad');
    const [problem] = report.problems;
    assert.ok(problem !== undefined);
    const named = Object.fromEntries(Object.keys(first).map((field) => [field, problem[field as keyof TreeProblem]]));
    assert.deepEqual(named, first, problem.text);
  });
}

test('one fault is told once: the tree above it is not blamed', async () => {
  for (const path of ['tile/entries/000', 'tile/0/001', 'tile/0/003.p/7', 'tile/1/000.p/3', 'tile/entries/003.p/7']) {
    const report = await check(memorySource(new Map([...SOUND, [path, flipped(get(path), 2)]])));
    assert.equal(report.problems.length, 1, `${path}: ${report.problems.map((p) => p.text).join('; ')}`);
    assert.equal(report.problems[0]?.resource, path);
    assert.equal(report.complete, true);
  }
});

test('tampering three levels up is named by its tile', async () => {
  const files = treeFiles(goldenEntries(65537));
  for (const [path, slot] of [
    ['tile/1/000', 17],
    ['tile/2/000.p/1', 0],
  ] as const) {
    const bytes = files.get(path) ?? assert.fail();
    const report = await check(memorySource(new Map([...files, [path, flipped(bytes, slot * 32 + 5)]])));
    assert.equal(report.problems.length, 1);
    const [problem] = report.problems;
    assert.deepEqual([problem?.code, problem?.resource, problem?.slot], ['tile', path, slot]);
    assert.equal(problem?.expected, hashIn('', slot, bytes));
  }
});

test('every fault is told, up to a limit, and the check then ends', async () => {
  const files = treeFiles(goldenEntries(256 * 120));
  for (const [path, bytes] of files) if (path.startsWith('tile/entries')) files.set(path, flipped(bytes, 2));
  const report = await check(memorySource(files));
  assert.equal(report.problems.length, 100);
  assert.equal(report.complete, false);
  assert.deepEqual(
    report.problems.map((problem) => problem.entry),
    Array.from({ length: 100 }, (_, i) => i * 256),
  );
});

test('a partial form may be gone once the full one is there, whose beginning is then checked', async () => {
  const later = treeFiles(goldenEntries(1024));
  const files = new Map([...SOUND, ...['tile/0/003', 'tile/entries/003'].map((p) => [p, later.get(p)!] as const)]);
  files.delete('tile/0/003.p/7');
  files.delete('tile/entries/003.p/7');
  const report = await check(memorySource(files));
  assert.deepEqual([report.outcome, report.problems], ['ok', []]);
  files.set('tile/entries/003', flipped(later.get('tile/entries/003')!, 2));
  assert.equal((await check(memorySource(files))).problems[0]?.entry, 768);
});

test('older partial forms that a folder still holds must be beginnings of what is there now', async () => {
  const older = treeFiles(ENTRIES.slice(0, 515));
  const stale = ['tile/entries/002.p/3', 'tile/0/002.p/3', 'tile/1/000.p/2'];
  const files = new Map([...SOUND, ...stale.map((path) => [path, older.get(path)!] as const)]);
  const folder = await folderOf(files);
  const report = await check(folderSource(folder));
  assert.deepEqual([report.outcome, report.problems, report.checked.olderForms], ['ok', [], 3]);
  for (const [path, entry] of [
    ['tile/entries/002.p/3', 513],
    ['tile/0/002.p/3', 513],
    ['tile/1/000.p/2', 256],
  ] as const) {
    const bytes = files.get(path) ?? assert.fail();
    const at = path.includes('entries') ? 8 : 40;
    const bad = await check(memorySource(new Map([...files, [path, flipped(bytes, at)]])));
    assert.deepEqual([bad.problems.length, bad.problems[0]?.resource, bad.problems[0]?.entry], [1, path, entry]);
  }
});

test('property: one byte changed anywhere in a folder log is found', async () => {
  const paths = [...SOUND.keys()];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      async (path, where, xor) => {
        const bytes = Buffer.from(get(path));
        const at = where % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ xor;
        const report = await check(memorySource(new Map([...SOUND, [path, bytes]])));
        assert.equal(report.outcome, 'bad');
        assert.ok(report.problems.length > 0);
        assert.equal(report.problems[0]?.resource, path);
      },
    ),
    { numRuns: 300 },
  );
});

test('property: one file removed, cut or swapped with another is found', async () => {
  const paths = [...SOUND.keys()];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.constantFrom(...paths), fc.nat(), async (path, other, cut) => {
      const files = new Map(SOUND);
      if (path === other) files.delete(path);
      else if (cut % 2 === 0) files.set(path, get(path).subarray(0, cut % get(path).length));
      else files.set(path, get(other)).set(other, get(path));
      assert.equal((await check(memorySource(files))).outcome, 'bad');
    }),
    { numRuns: 100 },
  );
});

test('a folder whose files are pipes, folders or too large is bad, not a wait without end', async () => {
  const files = new Map(SOUND);
  files.delete('tile/0/001');
  const folder = await folderOf(new Map([...files, ['tile/0/001/inside', Buffer.of(1)]]));
  const report = await check(folderSource(folder));
  assert.deepEqual([report.problems[0]?.code, report.problems[0]?.resource], ['unreadable', 'tile/0/001']);
  const piped = await folderOf(files);
  execFileSync('mkfifo', [`${piped}/tile/0/001`]);
  assert.equal((await check(folderSource(piped))).problems[0]?.code, 'unreadable');
  const large = await folderOf(new Map([...SOUND, ['tile/0/001', Buffer.alloc(2 ** 20)]]));
  assert.equal((await check(folderSource(large))).problems[0]?.code, 'unreadable');
});

test('what is laid out is what is read', async () => {
  const folder = await folderOf(SOUND);
  assert.deepEqual(await folderSource(folder).read('tile/0/001', 8192), await readFile(`${folder}/tile/0/001`));
});
