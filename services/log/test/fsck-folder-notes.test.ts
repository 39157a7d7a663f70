import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { checkTree } from '../src/fsck/check-tree.ts';
import { readCheckpointKey } from '../src/fsck/checkpoint-key.ts';
import { folderSource } from '../src/fsck/folder-source.ts';
import type { TreeReport } from '../src/fsck/report.ts';
import type { TreeSource } from '../src/fsck/source.ts';
import { checkpointText, Folders, goldenEntries, KEY_PEM, rootOf, treeFiles } from './support/folder-log.ts';
import { hasher } from './support/test-log.ts';

const key = readCheckpointKey(KEY_PEM);
const check = (source: TreeSource): Promise<TreeReport> => checkTree({ source, hasher, key, readAhead: 4 });

const laidOut = new Folders();
after(() => laidOut.remove());
const folderOf = laidOut.lay;

test('every note that lies beside the log or is given must verify and be of this very tree', async () => {
  const entries = goldenEntries(700);
  const files = treeFiles(entries);
  const rootAt = (size: number): Uint8Array => rootOf(entries.slice(0, size).map((entry) => hasher.leaf(entry)));
  for (const size of [0, 1, 255, 256, 257, 512, 699, 700]) {
    files.set(`checkpoints/${size}`, Buffer.from(checkpointText(size, rootAt(size))));
  }
  files.set('checkpoint.old', Buffer.from(checkpointText(300, rootAt(300))));
  const sound = await check(folderSource(await folderOf(files)));
  assert.deepEqual([sound.outcome, sound.checked.notes, sound.problems], ['ok', 9, []]);

  const faults: [name: string, text: string, said: RegExp][] = [
    ['checkpoints/fork', checkpointText(300, rootAt(299)), /^checkpoints\/fork: it is of another tree: at size 300/],
    ['checkpoints/empty', checkpointText(0, rootAt(1)), /^checkpoints\/empty: it is of another tree: at size 0/],
    ['checkpoints/same', checkpointText(700, rootAt(699)), /^checkpoints\/same: it is of another tree: at size 700/],
    [
      'checkpoint.larger',
      checkpointText(701, rootAt(700)),
      /^checkpoint.larger: it says 701 entries, the log has 700$/,
    ],
    [
      'checkpoint-x',
      checkpointText(300, rootAt(300), 'x.example.com'),
      /^checkpoint-x: it is the checkpoint of another/,
    ],
    [
      'checkpoint.bad',
      checkpointText(300, rootAt(300)).replace(
        /(.)(.{8})$/s,
        (_all, a: string, b: string) => (a === 'A' ? 'B' : 'A') + b,
      ),
      /^checkpoint.bad: its signature does not verify/,
    ],
    ['checkpoints/noise', 'noise', /^checkpoints\/noise: it is no signed checkpoint/],
  ];
  for (const [name, text, said] of faults) {
    const report = await check(folderSource(await folderOf(new Map([...files, [name, Buffer.from(text)]]))));
    assert.equal(report.outcome, 'bad', name);
    assert.deepEqual(
      report.problems.map(({ code }) => code),
      ['note'],
      name,
    );
    assert.match(report.problems[0]?.text ?? '', said);
    const given = { name, bytes: Buffer.from(text) };
    const source = folderSource(await folderOf(treeFiles(entries)));
    const told = await checkTree({ source, hasher, key, readAhead: 4, notes: [given] });
    assert.match(told.problems[0]?.text ?? '', said);
  }
});

test('a note that cannot be read is a finding of its own: the tree is checked all the same', async () => {
  const entries = goldenEntries(300);
  const files = treeFiles(entries);
  files.set('checkpoint.large', Buffer.alloc(65 * 1024, 'x'));
  files.set('checkpoints/sub/note', Buffer.from('x'));
  const report = await check(folderSource(await folderOf(files)));
  assert.equal(report.outcome, 'bad');
  assert.equal(report.complete, true);
  assert.deepEqual(
    report.problems.map(({ text }) => text),
    ['checkpoint.large: checkpoint.large is larger than 65536 bytes', 'checkpoints/sub: checkpoints/sub is no file'],
  );
});

test('notes that are too many to be checked are not passed over in silence', async () => {
  const folder = await folderOf(treeFiles(goldenEntries(1)));
  await mkdir(`${folder}/checkpoints`);
  const note = checkpointText(1, rootOf([hasher.leaf(goldenEntries(1)[0] ?? assert.fail())]));
  for (let i = 0; i <= 10_000; i += 1) await writeFile(`${folder}/checkpoints/${i}`, note);
  const report = await check(folderSource(folder));
  assert.equal(report.outcome, 'bad');
  assert.match(report.problems[0]?.text ?? '', /10001 checkpoints beside the log, and only 10000 were checked/);
});
