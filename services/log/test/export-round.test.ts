import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TileNodes } from '@sigstead/merkle';
import type { ExportAlarmCode } from '../src/export/alarm.ts';
import type { ObjectStore } from '../src/export/object-store.ts';
import { fullCounts, fullPath, partialPaths, progressAt } from '../src/export/plan.ts';
import { type RoundOutcome, Rounds } from '../src/export/round.ts';
import { type ExportSource, nameOf } from '../src/export/source.ts';
import { expectedResources, memoryLog, PolicingTarget } from './support/export-double.ts';
import { hasher } from './support/test-log.ts';

function rounds(source: ExportSource, target: ObjectStore, isClosing = (): boolean => false): Rounds {
  return new Rounds({ source, target, onObject: () => undefined, isClosing });
}

const alarm = (code: ExportAlarmCode, stopsTheLog: boolean): object => ({ name: 'ExportAlarm', code, stopsTheLog });

/** Rounds until nothing is left to do; a fault that passes is passed over. */
async function settle(each: Rounds): Promise<void> {
  for (let attempts = 0; attempts < 1000; attempts++) {
    const outcome = await each.round().catch((error: unknown): RoundOutcome => {
      if ((error as Error).message.startsWith('injected')) return 'overtaken';
      throw error;
    });
    if (outcome === 'exported' || outcome === 'current') return;
  }
  throw new Error('no end');
}

test('the plan from one size to another is what the larger tree has and the smaller one has not in full', () => {
  const size = fc.oneof(fc.nat(2000), fc.nat(200_000), fc.constantFrom(0, 255, 256, 257, 65_535, 65_536, 65_537));
  const all = (at: number): Set<string> =>
    new Set(
      fullCounts(at).flatMap(({ kind, count }) => Array.from({ length: count }, (_, i) => nameOf(fullPath(kind, i)))),
    );
  const names = (at: number): Set<string> => new Set([...all(at), ...partialPaths(at).map(nameOf)]);
  fc.assert(
    fc.property(size, size, (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const start = progressAt(from);
      const planned = fullCounts(to).flatMap(({ kind, count }) => {
        const begin = start[kind] ?? 0;
        return Array.from({ length: count - begin }, (_, i) => nameOf(fullPath(kind, begin + i)));
      });
      const older = all(from);
      assert.deepEqual(new Set(planned), new Set([...all(to)].filter((name) => !older.has(name))));
      assert.equal(new Set(planned).size, planned.length);
    }),
    { numRuns: 60 },
  );
  for (const at of [0, 1, 255, 256, 257, 1000, 70_000]) {
    assert.deepEqual(names(at), new Set(expectedResources(at, (i) => Buffer.from(String(i))).keys()), String(at));
  }
});

test('sizes 0, 1, 255, 256, 257, 1000, 70000: each export is whole before its checkpoint, and repeated it does nothing', async () => {
  const log = await memoryLog();
  const target = new PolicingTarget(log);
  const exporter = rounds(log.source, target.open());
  for (const size of [0, 1, 255, 256, 257, 1000, 70_000]) {
    if (size > 0) await log.grow(size);
    assert.equal(await exporter.round(), 'exported');
    const { writes } = target;
    assert.equal(await exporter.round(), 'current');
    assert.equal(target.writes, writes);
  }
  assert.deepEqual(target.shown, [0, 1, 255, 256, 257, 1000, 70_000]);
  // 70000 and the partial ones of the sizes before.
  const needed = expectedResources(70_000, log.leaf).size;
  assert.equal(target.objects.size, needed + 1 + partialsBefore([1, 255, 256, 257, 1000]));
});

function partialsBefore(sizes: readonly number[]): number {
  return new Set(sizes.flatMap((size) => partialPaths(size).map(nameOf))).size;
}

test('a fault at every operation, done or not: repeated by the same process or after a kill, the target ends whole', async () => {
  const log = await memoryLog();
  await log.grow(255);
  const first = log.lagging();
  await log.grow(600);
  const probe = new PolicingTarget(log);
  const counted = probe.open();
  await settle(rounds(first, counted));
  await settle(rounds(log.source, counted));
  for (let at = 0; at < counted.operations(); at++) {
    for (const done of [false, true]) {
      const living = new PolicingTarget(log);
      const faulty = living.open({ at, done, dead: false });
      const one = rounds(first, faulty);
      await settle(one);
      await settle(rounds(log.source, faulty));
      living.checkComplete(600);
      assert.deepEqual(living.shown, [255, 600], `${at} ${done}`);

      const killed = new PolicingTarget(log);
      const dying = killed.open({ at, done, dead: true });
      await settle(rounds(first, dying))
        .then(() => settle(rounds(log.source, dying)))
        .catch(() => undefined);
      await settle(rounds(log.source, killed.open()));
      killed.checkComplete(600);
      assert.equal(killed.shown.at(-1), 600, `${at} ${done}`);
    }
  }
});

test('what a failed round wrote is not written again by the same process', async () => {
  const log = await memoryLog();
  await log.grow(256 * 40);
  const target = new PolicingTarget(log);
  const counted = target.open({ at: 60, done: false, dead: false });
  await settle(rounds(log.source, counted));
  // 40 bundles, 40 tiles of level 0, one of level 1; two reads of the checkpoint and its write; at most 4 written twice.
  assert.ok(counted.operations() <= 81 + 3 + 4 + 1, String(counted.operations()));
});

test('three exporters at different heads: every checkpoint that stands is whole, none goes back', async () => {
  for (let run = 0; run < 10; run++) {
    const log = await memoryLog();
    const target = new PolicingTarget(log);
    const views: ExportSource[] = [];
    for (const size of [100 + run, 300, 513]) {
      await log.grow(size);
      views.push(log.lagging());
    }
    if (run % 2 === 0) views.reverse();
    await Promise.all(views.map((view) => settle(rounds(view, target.open()))));
    assert.equal(target.shown.at(-1), 513);
    target.checkComplete(513);
  }
});

test('an exporter that lags behind another one catches up instead of raising an alarm', async () => {
  const log = await memoryLog();
  await log.grow(10);
  const lagging = log.lagging();
  await log.grow(20);
  const target = new PolicingTarget(log);
  await settle(rounds(log.source, target.open()));
  assert.equal(await rounds(lagging, target.open()).round(), 'current');
  assert.deepEqual(target.shown, [20]);
});

test('a newer note of the same tree replaces the older one, and is not replaced by it', async () => {
  const log = await memoryLog();
  await log.grow(5);
  const target = new PolicingTarget(log);
  const older = log.lagging();
  assert.equal(await rounds(older, target.open()).round(), 'exported');
  await log.signAgain();
  const stillOlder = log.lagging();
  await log.signAgain();
  assert.equal(await rounds(log.source, target.open()).round(), 'exported');
  assert.equal(await rounds(stillOlder, target.open()).round(), 'current');
  assert.deepEqual(target.objects.get('checkpoint')?.bytes, Buffer.from(log.states.at(-1)!.head.note));
});

test('other bytes under the name of a tile or bundle: an alarm that stops the log; nothing is overwritten or signed off', async () => {
  for (const name of ['tile/0/000', 'tile/entries/000', 'tile/0/001.p/44', 'tile/entries/001.p/44', 'tile/1/000.p/1']) {
    const log = await memoryLog();
    await log.grow(300);
    const target = new PolicingTarget(log);
    const planted = Buffer.from(expectedResources(300, log.leaf).get(name)!);
    planted.writeUInt8(planted.readUInt8(7) ^ 1, 7);
    target.objects.set(name, { bytes: planted, cacheControl: '' });
    await assert.rejects(rounds(log.source, target.open()).round(), alarm('different_object', true));
    assert.equal(target.objects.get(name)?.bytes, planted);
    assert.deepEqual(target.shown, []);
  }
});

test('a checkpoint of ours that is larger than the log, or of another tree, stops the log', async () => {
  const ours = await memoryLog();
  await ours.grow(10);
  const larger = await memoryLog();
  await larger.grow(11);
  const fork = await memoryLog((index) => (index === 3 ? 'other' : String(index)));
  for (const size of [4, 10]) {
    await fork.grow(size);
    const target = new PolicingTarget(fork);
    await settle(rounds(fork.source, target.open()));
    await assert.rejects(rounds(ours.source, target.open()).round(), alarm('forked_checkpoint', true));
    assert.deepEqual(target.shown, [size]);
  }
  const target = new PolicingTarget(larger);
  await settle(rounds(larger.source, target.open()));
  await assert.rejects(rounds(ours.source, target.open()).round(), alarm('larger_checkpoint', true));
  assert.deepEqual(target.shown, [11]);
});

test('a checkpoint that is not signed by the log stops the export and not the log', async () => {
  const log = await memoryLog();
  await log.grow(3);
  const target = new PolicingTarget(log);
  await settle(rounds(log.source, target.open()));
  const { bytes } = target.objects.get('checkpoint')!;
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(70) ^ 1, 70);
  for (const planted of [changed, Buffer.alloc(0), Buffer.from('nothing\n'), bytes.subarray(0, 70)]) {
    target.objects.set('checkpoint', { bytes: planted, cacheControl: '' });
    await assert.rejects(rounds(log.source, target.open()).round(), alarm('foreign_checkpoint', false));
    assert.equal(target.objects.get('checkpoint')?.bytes, planted);
  }
});

test('what the database gives is proven before it is written: a damaged tile, entry or bundle is never exported', async () => {
  const log = await memoryLog();
  await log.grow(600);
  const source = log.source;
  const damages: ExportSource[] = [
    {
      ...source,
      tile: async (edge, level, index) => {
        const nodes = await source.tile(edge, level, index);
        if (nodes === undefined || level > 0 || index !== 1) return nodes;
        const bytes = nodes.bytes();
        bytes[40] = bytes[40]! ^ 1;
        return TileNodes.from(hasher, bytes);
      },
    },
    { ...source, tile: async (edge, level, index) => (index === 1 ? undefined : source.tile(edge, level, index)) },
    {
      ...source,
      records: async (edge, index, width) => {
        const records = await source.records(edge, index, width);
        return records.map((each, i) => (i === 9 && index === 1 ? { ...each, leaf: Buffer.from('x') } : each));
      },
    },
    { ...source, records: async (edge, index, width) => (await source.records(edge, index, width)).slice(1) },
  ];
  for (const damaged of damages) {
    const target = new PolicingTarget(log);
    await assert.rejects(rounds(damaged, target.open()).round(), alarm('damaged_source', false));
    assert.deepEqual(target.shown, []);
    const right = expectedResources(600, log.leaf);
    for (const [name, { bytes }] of target.objects) assert.deepEqual(bytes, right.get(name), name);
  }
});

test('a target that was emptied or set back while the process ran is filled again', async () => {
  const log = await memoryLog();
  const target = new PolicingTarget(log);
  const exporter = rounds(log.source, target.open());
  await log.grow(300);
  await settle(exporter);
  const before = new Map(target.objects);
  await log.grow(700);
  await settle(exporter);
  target.objects.clear();
  target.shown.length = 0;
  await log.grow(800);
  await settle(exporter);
  target.checkComplete(800);
  target.objects.clear();
  for (const [name, object] of before) target.objects.set(name, object);
  target.shown.length = 0;
  await settle(exporter);
  target.checkComplete(800);
});

test('a target that another process finished, and that was emptied then, is filled again', async () => {
  for (const looks of [0, 1]) {
    const log = await memoryLog();
    await log.grow(300);
    const slow = log.lagging();
    await log.grow(301);
    const target = new PolicingTarget(log);
    const store = target.open();
    let isFirst = true;
    const second = rounds(slow, {
      ...store,
      replaceIf: async (...args) => {
        if (isFirst) await settle(rounds(log.source, target.open()));
        isFirst = false;
        return store.replaceIf(...args);
      },
    });
    // It has copied everything when it is overtaken.
    assert.equal(await second.round(), 'overtaken');
    for (let look = 0; look < looks; look++) assert.equal(await second.round(), 'current');
    target.objects.clear();
    target.shown.length = 0;
    // The target sees to it that all is there before the checkpoint is.
    await settle(second);
    assert.equal(target.shown.at(-1), looks === 0 ? 300 : 301);
  }
});

test('closing ends a long copy early, without a checkpoint', async () => {
  const log = await memoryLog();
  await log.grow(256 * 20);
  const target = new PolicingTarget(log);
  let asked = 0;
  assert.equal(await rounds(log.source, target.open(), () => asked++ >= 2).round(), 'closing');
  assert.equal(target.writes, 8);
  assert.deepEqual(target.shown, []);
});
