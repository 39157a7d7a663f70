import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics, silentLogger } from '@sigstead/platform';
import type { ExportAlarm } from '../src/export/alarm.ts';
import { EXPORT_PACE, Exporter, type ExporterOptions } from '../src/export/exporter.ts';
import { exportMetrics } from '../src/export/metrics.ts';
import type { Lease } from '../src/export/lease.ts';
import { ObjectStoreError } from '../src/export/object-store.ts';
import { aloneLease, memoryLog, type MemoryLog, PolicingTarget } from './support/export-double.ts';
import { fakeClock } from './support/test-log.ts';

/** An exporter whose pauses the test ends. */
interface Bench {
  exporter: Exporter;
  target: PolicingTarget;
  alarms: ExportAlarm[];
  clock: ReturnType<typeof fakeClock>;
  /** Runs the action and resolves to the length of the first pause that the exporter begins after it. */
  pauseAfter(action: () => void): Promise<number>;
  /** Ends the pause. */
  resume(): void;
  metric: (name: string) => Promise<number | undefined>;
}

function benchOf(log: MemoryLog, options: Partial<ExporterOptions> = {}): Bench {
  const target = new PolicingTarget(log);
  const alarms: ExportAlarm[] = [];
  const metrics = createMetrics();
  const clock = fakeClock();
  let begun = Promise.withResolvers<number>();
  let end: (() => void) | undefined;
  const exporter = new Exporter({
    source: log.source,
    openTarget: () => Promise.resolve(target.open()),
    lease: aloneLease,
    onAlarm: (alarm) => alarms.push(alarm),
    logger: silentLogger,
    metrics: exportMetrics(metrics, 'test'),
    clock,
    wait: (ms, signal) => {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        end = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
        begun.resolve(ms);
      });
    },
    ...options,
  });
  return {
    exporter,
    target,
    alarms,
    clock,
    pauseAfter(action) {
      begun = Promise.withResolvers();
      action();
      return begun.promise;
    },
    resume: () => end?.(),
    metric: async (name) => {
      const found = await metrics.registry.getSingleMetric(name)?.get();
      return found?.values[0]?.value;
    },
  };
}

const { intervalMs, lookMs, verifyMs, retryMs, closeMs, graceMs } = EXPORT_PACE;

test('looks at the start, then follows; however much is published in a pause, the newest tree alone is exported', async () => {
  const log = await memoryLog();
  await log.grow(3);
  const bench = benchOf(log);
  assert.equal(await bench.pauseAfter(() => bench.exporter.start()), intervalMs);
  for (const size of [10, 200, 300, 301]) {
    await log.grow(size);
    bench.exporter.tell();
  }
  assert.equal(await bench.pauseAfter(() => bench.resume()), intervalMs);
  assert.deepEqual(bench.target.shown, [3, 301]);
  assert.equal(await bench.pauseAfter(() => bench.resume()), lookMs);
  await log.grow(302);
  assert.equal(await bench.pauseAfter(() => bench.exporter.tell()), intervalMs);
  assert.deepEqual(bench.target.shown, [3, 301, 302]);
  await bench.exporter.close();
});

test('without being told it looks twice a second: what others published, a late note too, is exported then', async () => {
  const log = await memoryLog();
  await log.grow(3);
  const bench = benchOf(log);
  await bench.pauseAfter(() => bench.exporter.start());
  assert.equal(await bench.pauseAfter(() => bench.resume()), lookMs);
  await log.grow(7);
  assert.equal(await bench.pauseAfter(() => bench.resume()), intervalMs);
  assert.deepEqual(bench.target.shown, [3, 7]);
  assert.equal(await bench.pauseAfter(() => bench.resume()), lookMs);
  await log.signAgain();
  assert.equal(await bench.pauseAfter(() => bench.resume()), intervalMs);
  assert.deepEqual(bench.target.shown, [3, 7, 7]);
  assert.deepEqual(bench.target.objects.get('checkpoint')?.bytes, Buffer.from(log.states.at(-1)!.head.note));
  assert.ok(lookMs + intervalMs < 2000);
  await bench.exporter.close();
});

test('an idle exporter reads the target now and then only; a checkpoint that was lost or set back is put right', async () => {
  const log = await memoryLog();
  await log.grow(300);
  const bench = benchOf(log);
  const { target } = bench;
  await bench.pauseAfter(() => bench.exporter.start());
  const older = target.objects.get('checkpoint')!;
  await log.grow(400);
  await bench.pauseAfter(() => bench.resume());
  const passes = async (ms: number): Promise<number> => {
    bench.clock.set(bench.clock.nowMs() + ms);
    return bench.pauseAfter(() => bench.resume());
  };
  for (const damage of [
    () => target.objects.delete('checkpoint'),
    () => target.objects.set('checkpoint', older),
    () => target.objects.clear(),
  ]) {
    damage();
    target.shown.length = 0;
    assert.equal(await passes(verifyMs - 1), lookMs);
    assert.deepEqual(target.shown, []);
    assert.equal(await passes(1), intervalMs);
    assert.deepEqual(target.shown, [400]);
    target.checkComplete(400);
    assert.equal(await passes(0), lookMs);
  }
  assert.deepEqual(bench.alarms, []);
  await bench.exporter.close();
});

test('a standing checkpoint under our signature that is larger than the log is found by looking, and stops the log', async () => {
  const log = await memoryLog();
  await log.grow(3);
  const larger = await memoryLog();
  await larger.grow(4);
  const alarmed = Promise.withResolvers<ExportAlarm>();
  const bench = benchOf(log, { onAlarm: (alarm) => alarmed.resolve(alarm) });
  await bench.pauseAfter(() => bench.exporter.start());
  const note = Buffer.from(larger.states.at(-1)!.head.note);
  bench.target.objects.set('checkpoint', { bytes: note, cacheControl: '' });
  bench.clock.set(bench.clock.nowMs() + verifyMs);
  bench.resume();
  const { code, stopsTheLog } = await alarmed.promise;
  assert.deepEqual([code, stopsTheLog], ['larger_checkpoint', true]);
  assert.deepEqual(bench.target.objects.get('checkpoint')?.bytes, note);
  await bench.exporter.close();
});

test('one of several exports: the next goes on when it gives way, fails or is closed, and nothing is exported twice', async () => {
  const log = await memoryLog();
  const target = new PolicingTarget(log);
  const lease = sharedLease();
  let isDown = false;
  const benches = [0, 1].map(() => {
    const store = target.open();
    const own = lease.of();
    const bench = benchOf(log, {
      lease: own,
      openTarget: () =>
        Promise.resolve({
          ...store,
          get: (...args) =>
            isDown && own.has() ? Promise.reject(new ObjectStoreError('unavailable', 'away')) : store.get(...args),
        }),
    });
    return { ...bench, operations: store.operations };
  });
  const [first, second] = benches as [(typeof benches)[0], (typeof benches)[0]];
  assert.equal(await first.pauseAfter(() => first.exporter.start()), intervalMs);
  assert.equal(await second.pauseAfter(() => second.exporter.start()), lookMs);
  assert.deepEqual(
    [await first.metric('sigstead_log_export_active'), await second.metric('sigstead_log_export_active')],
    [1, 0],
  );
  await log.grow(300);
  const before = second.operations();
  await second.pauseAfter(() => second.resume());
  assert.equal(second.operations(), before);
  assert.equal(await second.metric('sigstead_log_export_lag_entries'), 0);
  // The one that exports cannot reach the target: the other one takes over.
  isDown = true;
  first.clock.set(verifyMs);
  assert.equal(await first.pauseAfter(() => first.resume()), retryMs);
  isDown = false;
  assert.equal(await second.pauseAfter(() => second.resume()), intervalMs);
  assert.deepEqual(target.shown, [0, 300]);
  assert.equal(await first.pauseAfter(() => first.resume()), lookMs);
  await second.exporter.close();
  await log.grow(301);
  assert.equal(await first.pauseAfter(() => first.resume()), intervalMs);
  assert.deepEqual(target.shown, [0, 300, 301]);
  await first.exporter.close();
});

/** A lease in memory, with one holder at a time. */
function sharedLease(): { of: () => Lease & { has: () => boolean } } {
  let holder: object | undefined;
  return {
    of: () => {
      const me = {};
      const free = (): Promise<void> => {
        if (holder === me) holder = undefined;
        return Promise.resolve();
      };
      return {
        hold: () => {
          holder ??= me;
          return Promise.resolve(holder === me);
        },
        has: () => holder === me,
        release: free,
        close: free,
      };
    },
  };
}

test('partial forms go some minutes after a checkpoint that covers their full form was shown, and not before', async () => {
  const log = await memoryLog();
  const bench = benchOf(log);
  const { target } = bench;
  let next = bench.pauseAfter(() => bench.exporter.start());
  const passes = async (ms: number): Promise<void> => {
    await next;
    bench.clock.set(bench.clock.nowMs() + ms);
    next = bench.pauseAfter(() => bench.resume());
    await next;
    // What is removed is removed beside the rounds.
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const partial = (folder: string): string[] =>
    [...target.objects.keys()].filter((name) => name.includes(`${folder}.p/`));
  for (const size of [100, 200, 300]) {
    await log.grow(size);
    await passes(intervalMs);
  }
  assert.equal(partial('000').length, 4 + 1);
  await passes(graceMs - 1);
  assert.equal(partial('000').length, 4 + 1);
  await passes(verifyMs);
  assert.deepEqual(partial('000'), ['tile/1/000.p/1']);
  assert.equal(partial('001').length, 2);
  target.checkComplete(300);
  // It began anew: what becomes full now stays as long again.
  await log.grow(600);
  await passes(intervalMs);
  assert.equal(partial('001').length, 2);
  await passes(graceMs);
  assert.equal(partial('001').length, 0);
  target.checkComplete(600);
  assert.equal(await bench.metric('sigstead_log_export_superseded_removed_total'), 6);
  await bench.exporter.close();
});

test('what cannot be removed disturbs no export', async () => {
  const log = await memoryLog();
  await log.grow(300);
  const bench: Bench = benchOf(log, {
    openTarget: () =>
      Promise.resolve({
        ...bench.target.open(),
        removeFolder: () => Promise.reject(new ObjectStoreError('unavailable', 'no right to')),
      }),
  });
  await bench.pauseAfter(() => bench.exporter.start());
  for (let i = 1; i <= 3; i++) {
    await log.grow(300 + i);
    bench.clock.set(bench.clock.nowMs() + graceMs);
    assert.equal(await bench.pauseAfter(() => bench.resume()), intervalMs);
  }
  assert.deepEqual(bench.target.shown, [300, 301, 302, 303]);
  assert.equal(await bench.metric('sigstead_log_export_failures_total'), undefined);
  await bench.exporter.close();
});

test('failures are repeated with longer and longer pauses, and show in the lag', async () => {
  const log = await memoryLog();
  await log.grow(5);
  let down = true;
  const bench = benchOf(log, {
    openTarget: () =>
      down ? Promise.reject(new ObjectStoreError('unavailable', 'away')) : Promise.resolve(bench.target.open()),
  });
  let pauseMs = bench.pauseAfter(() => bench.exporter.start());
  for (const expected of [1, 2, 4, 8].map((factor) => retryMs * factor)) {
    assert.equal(await pauseMs, expected);
    bench.clock.set(bench.clock.nowMs() + 2000);
    pauseMs = bench.pauseAfter(() => bench.resume());
  }
  assert.equal(await pauseMs, verifyMs);
  assert.equal(await bench.metric('sigstead_log_export_failures_total'), 5);
  assert.equal(await bench.metric('sigstead_log_export_lag_entries'), 5);
  assert.equal(await bench.metric('sigstead_log_export_lag_seconds'), 8);
  down = false;
  assert.equal(await bench.pauseAfter(() => bench.resume()), intervalMs);
  assert.equal(await bench.metric('sigstead_log_export_lag_entries'), 0);
  assert.equal(await bench.metric('sigstead_log_export_lag_seconds'), 0);
  assert.equal(await bench.metric('sigstead_log_export_size_entries'), 5);
  assert.deepEqual(bench.alarms, []);
  await bench.exporter.close();
});

test('an alarm is given once and ends the export', async () => {
  const log = await memoryLog();
  await log.grow(300);
  const alarmed = Promise.withResolvers<ExportAlarm>();
  const { exporter, target, metric } = benchOf(log, { onAlarm: (alarm) => alarmed.resolve(alarm) });
  target.objects.set('tile/0/000', { bytes: Buffer.from('x'), cacheControl: '' });
  exporter.start();
  const alarm = await alarmed.promise;
  assert.deepEqual([alarm.code, alarm.stopsTheLog], ['different_object', true]);
  exporter.tell();
  await exporter.close();
  assert.equal(await metric('sigstead_log_export_alarms_total'), 1);
  assert.deepEqual(target.shown, []);
});

test('a storage that keeps no promises ends the export and not the log', async () => {
  const log = await memoryLog();
  const alarmed = Promise.withResolvers<ExportAlarm>();
  const { exporter } = benchOf(log, {
    openTarget: () => Promise.reject(new ObjectStoreError('unsafe', 'ignores conditions')),
    onAlarm: (alarm) => alarmed.resolve(alarm),
  });
  exporter.start();
  const alarm = await alarmed.promise;
  assert.deepEqual([alarm.code, alarm.stopsTheLog], ['unsafe_target', false]);
  await exporter.close();
});

test('nothing is exported from a log that has stopped by itself', async () => {
  const log = await memoryLog();
  const { exporter, target } = benchOf(log, { source: { ...log.source, halted: () => true } });
  exporter.start();
  await exporter.close();
  assert.deepEqual(target.shown, []);
});

test('closing waits a little for a write under way, then ends it', async () => {
  const log = await memoryLog();
  await log.grow(2);
  const begun = Promise.withResolvers<void>();
  const bench: Bench = benchOf(log, {
    openTarget: (ended) =>
      Promise.resolve({
        ...bench.target.open(),
        createOnly: () =>
          new Promise((_, reject) => {
            begun.resolve();
            ended.addEventListener('abort', () => reject(new ObjectStoreError('unavailable', 'ended')));
          }),
      }),
  });
  bench.exporter.start();
  await begun.promise;
  let closing: Promise<void> | undefined;
  const patienceMs = bench.pauseAfter(() => {
    closing = bench.exporter.close();
  });
  assert.equal(await patienceMs, closeMs);
  bench.resume();
  await closing;
  assert.deepEqual(bench.target.shown, []);
  assert.deepEqual(bench.alarms, []);
});
