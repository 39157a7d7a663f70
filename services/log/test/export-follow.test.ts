import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics, silentLogger } from '@sigstead/platform';
import type { ExportAlarm } from '../src/export/alarm.ts';
import { EXPORT_PACE, Exporter, type ExporterOptions } from '../src/export/exporter.ts';
import { exportMetrics } from '../src/export/metrics.ts';
import { ObjectStoreError } from '../src/export/object-store.ts';
import { memoryLog, type MemoryLog, PolicingTarget } from './support/export-double.ts';
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

const { intervalMs, lookMs, retryMs, closeMs } = EXPORT_PACE;

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

test('without being told it looks now and then: what a process committed and did not live to export is exported', async () => {
  const log = await memoryLog();
  const bench = benchOf(log);
  await bench.pauseAfter(() => bench.exporter.start());
  assert.equal(await bench.pauseAfter(() => bench.resume()), lookMs);
  await log.grow(7);
  assert.equal(await bench.pauseAfter(() => bench.resume()), intervalMs);
  assert.deepEqual(bench.target.shown, [0, 7]);
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
  for (const expected of [1, 2, 4, 8, 16].map((factor) => retryMs * factor)) {
    assert.equal(await pauseMs, expected);
    bench.clock.set(bench.clock.nowMs() + 2000);
    pauseMs = bench.pauseAfter(() => bench.resume());
  }
  assert.equal(await pauseMs, lookMs);
  assert.equal(await bench.metric('sigstead_log_export_failures_total'), 6);
  assert.equal(await bench.metric('sigstead_log_export_lag_entries'), 5);
  assert.equal(await bench.metric('sigstead_log_export_lag_seconds'), 10);
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
