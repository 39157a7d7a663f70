import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Mark, MarkStore } from '../src/core/ports.ts';
import { fileMark } from '../src/mark/file-mark.ts';
import { testLogs, text } from './support/test-log.ts';

const KEY = 'ab'.repeat(32);
/** A log that holds whatever was marked. */
const anything = (): Promise<void> => Promise.resolve();
const root = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sigstead-mark-'));
});
after(() => rm(folder, { recursive: true, force: true }));

test('a file mark survives, is never lowered, and tells two trees of one size apart', async () => {
  const file = path.join(folder, 'a');
  const mark = fileMark({ file, key: KEY });
  assert.equal(await mark.read(), undefined);
  await mark.advance({ size: 5, root: root(5) }, anything);
  await mark.advance({ size: 3, root: root(3) }, anything);
  const again = await fileMark({ file, key: KEY }).read();
  assert.deepEqual([again?.size, Buffer.from(again?.root ?? [])], [5, Buffer.from(root(5))]);
  await mark.advance({ size: 5, root: root(5) }, anything);
  await assert.rejects(mark.advance({ size: 5, root: root(6) }, anything), { code: 'halted' });
});

test('processes that share a mark cannot lower it, in whatever order they raise it', async () => {
  const file = path.join(folder, 'b');
  const marks = Array.from({ length: 4 }, () => fileMark({ file, key: KEY }));
  const sizes = Array.from({ length: 40 }, (_, i) => ((i * 17) % 40) + 1);
  await Promise.all(sizes.map((size, i) => marks[i % 4]!.advance({ size, root: root(size) }, anything)));
  assert.equal((await marks[0]!.read())?.size, 40);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('b.')),
    ['b.40'],
  );
});

test('a damaged mark, or one of another key, stops instead of being ignored', async () => {
  const file = path.join(folder, 'c');
  await fileMark({ file, key: KEY }).advance({ size: 7, root: root(7) }, anything);
  await assert.rejects(fileMark({ file, key: 'cd'.repeat(32) }).read(), { code: 'halted' });
  await writeFile(`${file}.9`, 'sigstead-mark-v1\n');
  await assert.rejects(fileMark({ file, key: KEY }).read(), { code: 'halted' });
});

/** A mark in memory whose raising can be made to fail. */
function memoryMark(): MarkStore & { mark: Mark | undefined; failing: boolean } {
  const store: MarkStore & { mark: Mark | undefined; failing: boolean } = {
    mark: undefined,
    failing: false,
    read: () => Promise.resolve(store.mark),
    async advance(mark, contains) {
      if (store.failing) throw new Error('no space left');
      if (store.mark !== undefined && store.mark.size < mark.size) await contains(store.mark);
      if (store.mark === undefined || mark.size > store.mark.size) store.mark = mark;
      return store.mark;
    },
  };
  return store;
}

test('nothing is acknowledged or shown before the mark is raised; it is raised before anything else once it can be', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const mark = memoryMark();
  const log = await logs.open({ mark });
  await log.sequencer.append(text('one'));
  assert.equal(mark.mark?.size, 1);
  mark.failing = true;
  await assert.rejects(log.sequencer.append(text('two')), { code: 'unavailable' });
  assert.equal(log.tree.published.head.size, 1);
  await assert.rejects(log.sequencer.append(text('three')), { code: 'unavailable' });
  assert.equal((await log.store.settle({ afterSize: 0 })).head.size, 2, 'nothing is sequenced on top of it');
  mark.failing = false;
  assert.deepEqual(await log.sequencer.append(text('two')), { kind: 'duplicate', index: 1 });
  assert.equal(mark.mark?.size, 2);
  assert.equal(log.tree.published.head.size, 2);
});

test('a database behind the mark, or with another tree below it: nothing is signed or shown, both heads are named', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const first = await logs.open();
  for (let i = 0; i < 300; i++) void first.sequencer.append(text(`entry ${i}`));
  await first.sequencer.append(text('last'));
  const { size } = first.tree.published.head;
  const marks: [Mark, RegExp][] = [
    [{ size: size + 1, root: root(1) }, /size 301 root [0-9a-f]{64}.* is below the mark \(size 302 root 0101/],
    [{ size, root: root(2) }, /has root [0-9a-f]{64} where the mark has size 301 root 0202/],
    [{ size: 17, root: root(3) }, /where the mark has size 17 root 0303.*its head is size 301/],
  ];
  for (const [stored, text_] of marks) {
    const mark = memoryMark();
    mark.mark = stored;
    const log = await logs.open({ mark });
    assert.match(String(log.tree.haltedBy?.detail), text_);
    assert.throws(() => log.tree.published, { code: 'halted' });
    await assert.rejects(log.sequencer.append(text('more')), { code: 'halted' });
  }
  const honest = memoryMark();
  honest.mark = { size: 17, root: await first.tiles.rootAt(first.tree.published.edge, 17) };
  const sound = await logs.open({ mark: honest });
  assert.equal((await sound.sequencer.append(text('more'))).index, size);
});

test('a mark raised from another database meanwhile is not jumped over: the batch is withheld, the log stops', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const mark = memoryMark();
  const log = await logs.open({ mark });
  for (const value of ['one', 'two']) await log.sequencer.append(text(value));
  // A second live primary answered for an entry of its own at this size.
  mark.mark = { size: 3, root: root(3) };
  const batch = ['three', 'four', 'five'].map((value) => log.sequencer.append(text(value)));
  for (const outcome of await Promise.allSettled(batch)) assert.equal(outcome.status, 'rejected');
  assert.match(String(log.tree.haltedBy?.detail), /where the mark has size 3 root 0303/);
  assert.deepEqual([mark.mark.size, log.tree.published.head.size], [3, 2]);
});

test('a name that another machine is writing under is left alone', async () => {
  const file = path.join(folder, 'd');
  const stranger = `${file}.tmp-${process.pid}-0`;
  await writeFile(stranger, 'not ours');
  await fileMark({ file, key: KEY }).advance({ size: 1, root: root(1) }, anything);
  assert.equal(await readFile(stranger, 'utf8'), 'not ours');
  assert.equal((await fileMark({ file, key: KEY }).read())?.size, 1);
});

test('of two live primaries one at most answers, and one at least stops', async (t) => {
  for (const there of [1, 2, 3]) {
    const databases = [await testLogs(), await testLogs()];
    t.after(() => Promise.all(databases.map((each) => each.drop())));
    const mark = fileMark({ file: path.join(folder, `primaries ${there}`), key: KEY });
    for (const each of databases) await (await each.open()).sequencer.append(text('common past'));
    const logs = await Promise.all(databases.map((each) => each.open({ mark, newMark: { atLeast: 1 } })));
    // Their sessions are open and looked into: what follows is the race of the marks alone.
    for (const log of logs) assert.equal((await log.sequencer.append(text('common past'))).kind, 'duplicate');
    // One entry here and some there, all in flight at once.
    const branches = [['here'], Array.from({ length: there }, (_, n) => `there ${n}`)];
    const outcomes = await Promise.all(
      branches.map((values, i) => Promise.allSettled(values.map((value) => logs[i]!.sequencer.append(text(value))))),
    );
    const answered = outcomes.filter((branch) => branch.some((one) => one.status === 'fulfilled'));
    assert.ok(answered.length <= 1, 'both answered');
    assert.ok(logs.some((log) => log.tree.haltedBy !== undefined));
  }
});

test('a mark raised beyond ours by another primary withholds our answer', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const mark = memoryMark();
  const log = await logs.open({ mark });
  await log.sequencer.append(text('one'));
  mark.mark = { size: 9, root: root(9) };
  await assert.rejects(log.sequencer.append(text('two')), { code: 'halted' });
  assert.match(String(log.tree.haltedBy?.detail), /mark \(size 9 root 0909.* is of another tree than the database's/);
  assert.equal(log.tree.published.head.size, 1);
});

test('a mark that fits the server asked about it, which lacks the head that another one took from us, withholds our answer', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const mark = memoryMark();
  // Entries go to the old primary, questions to the new one, where others have gone on.
  const there = new Map([[1, undefined as Uint8Array | undefined]]);
  const log = await logs.open({
    mark,
    wrap: (store) => ({
      ...store,
      headRoot: async (size) => (there.has(size) ? there.get(size) : store.headRoot(size)),
    }),
  });
  await log.sequencer.append(text('one'));
  mark.mark = { size: 9, root: root(9) };
  there.set(9, root(9)).set(2, root(2));
  await assert.rejects(log.sequencer.append(text('two')), { code: 'halted' });
  assert.equal(log.tree.published.head.size, 1);
});

test('a lower mark that comes up while ours is written is looked into before it is removed', async () => {
  const file = path.join(folder, 'e');
  const [ours, theirs] = [fileMark({ file, key: KEY }), fileMark({ file, key: KEY })];
  await ours.advance({ size: 1, root: root(1) }, anything);
  const asked: number[] = [];
  await ours.advance({ size: 5, root: root(5) }, async (lower) => {
    asked.push(lower.size);
    if (lower.size === 1) await theirs.advance({ size: 3, root: root(3) }, anything);
  });
  assert.deepEqual(asked, [1, 3]);
  assert.equal((await theirs.read())?.size, 5);
});
