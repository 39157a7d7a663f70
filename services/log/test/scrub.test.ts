import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '@sigstead/platform';
import type { FsckReport } from '../src/core/fsck.ts';
import type { Lease } from '../src/export/lease.ts';
import { ScrubEnded, scrubPace } from '../src/scrub/pace.ts';
import { Scrub, type ScrubTarget } from '../src/scrub/scrub.ts';
import { fakeClock } from './support/test-log.ts';

const SOUND: FsckReport = { size: 9, heads: 2, notes: 2, fullTiles: 0, complete: true, problems: [] };

/** A scrub whose waits end at once and are written down; `until` ends it when it says so. */
function scrubOf(
  checks: Record<string, (pace: (bytes: number) => Promise<void>) => Promise<FsckReport>>,
  options: { holds?: () => boolean; until: (seen: Seen) => boolean },
): { run: () => Promise<Seen> } {
  const seen: Seen = { events: [], waits: [] };
  const stopped = new Set<string>();
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const told = (event: string): void => {
    seen.events.push(event);
    if (options.until(seen)) end();
  };
  const lease: Lease = {
    hold: (name) => {
      const holds = options.holds?.() ?? true;
      if (!holds) told(`no lease ${name}`);
      return Promise.resolve(holds);
    },
    release: () => Promise.resolve(told('lease released')),
    close: () => Promise.resolve(seen.events.push('lease closed')).then(() => undefined),
  };
  const targets = Object.entries(checks).map(
    ([name, check]): ScrubTarget => ({
      name,
      halted: () => stopped.has(name),
      check: ({ pace }) => check(pace),
      stop(detail) {
        stopped.add(name);
        told(`stop ${name} ${detail}`);
        return Promise.resolve();
      },
    }),
  );
  const scrub = new Scrub({
    targets,
    lease,
    limits: { bytesPerSecond: 1000, pauseMs: 3 },
    logger: silentLogger,
    metrics: {
      at: () => undefined,
      passed: (log) => told(`passed ${log}`),
      failed: (log, reason) => told(`failed ${log} ${reason}`),
    },
    clock: fakeClock(),
    wait: async (ms, signal) => {
      seen.waits.push(ms);
      if (seen.waits.length > 1000) end();
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      assert.ok(!signal.aborted || seen.waits.length > 0);
    },
  });
  return {
    async run() {
      // What never comes must fail the test, not keep it waiting.
      const patience = setTimeout(end, 10_000);
      scrub.start();
      await ended;
      clearTimeout(patience);
      await scrub.close();
      return seen;
    },
  };
}

interface Seen {
  events: string[];
  waits: number[];
}

const sound = (): Promise<FsckReport> => Promise.resolve(SOUND);

test('logs are scrubbed one after the other, over and over, with the pause between two rounds', async () => {
  const scrub = scrubOf({ a: sound, b: sound }, { until: ({ events }) => events.length >= 5 });
  const { events, waits } = await scrub.run();
  assert.deepEqual(events.slice(0, 4), ['passed a', 'passed b', 'passed a', 'passed b']);
  assert.equal(waits[0], 3);
  assert.equal(events.at(-1), 'lease closed');
});

test('one of several processes scrubs: who has not got the lease asks again, a minute later', async () => {
  let asked = 0;
  const scrub = scrubOf({ a: sound }, { holds: () => ++asked > 2, until: ({ events }) => events.includes('passed a') });
  const { events, waits } = await scrub.run();
  assert.deepEqual(events.slice(0, 3), ['no lease scrub a', 'no lease scrub a', 'passed a']);
  assert.deepEqual(waits.slice(0, 2), [60_000, 60_000]);
});

test('a contradiction stops that log with the first bad place, once; the others go on, and with none left it ends', async () => {
  const bad = (): Promise<FsckReport> => Promise.resolve({ ...SOUND, problems: ['entry 3 is bad', 'entry 4 too'] });
  const one = scrubOf({ a: bad, b: sound }, { until: ({ events }) => events.length >= 5 });
  // In another process the log may go on, so the others get their turn too.
  assert.deepEqual((await one.run()).events.slice(0, 5), [
    'failed a contradiction',
    'stop a scrub: entry 3 is bad',
    'passed b',
    'lease released',
    'passed b',
  ]);
  const cut = (): Promise<FsckReport> => Promise.resolve({ ...SOUND, complete: false });
  const all = scrubOf({ a: cut }, { until: ({ events }) => events.includes('lease released') });
  assert.deepEqual((await all.run()).events, [
    'failed a contradiction',
    'stop a scrub: the check did not reach the end',
    'lease released',
    'lease released',
    'lease closed',
  ]);
});

test('a database that does not answer is no contradiction: it is told, and the log is scrubbed later', async () => {
  let turns = 0;
  const flaky = (): Promise<FsckReport> => (++turns < 3 ? Promise.reject(new Error('gone')) : sound());
  const scrub = scrubOf({ a: flaky }, { until: ({ events }) => events.includes('passed a') });
  const { events, waits } = await scrub.run();
  assert.deepEqual(events.slice(0, 3), ['failed a unavailable', 'failed a unavailable', 'passed a']);
  assert.equal(waits[0], 60_000);
});

test('it reads no faster than it may, and close() ends a pass in its middle without a word about it', async () => {
  let reads = 0;
  const endless = async (pace: (bytes: number) => Promise<void>): Promise<FsckReport> => {
    for (;;) {
      reads += 1;
      await pace(2500);
    }
  };
  const scrub = scrubOf({ a: endless }, { until: () => false });
  const seen = await scrub.run();
  assert.equal(seen.waits[0], 2500);
  assert.ok(reads >= 1000);
  assert.deepEqual(seen.events, ['lease released', 'lease closed']);

  const waits: number[] = [];
  const closing = new AbortController();
  const wait = (ms: number): Promise<void> => Promise.resolve(waits.push(ms)).then(() => undefined);
  const pace = scrubPace({ bytesPerSecond: 1000, wait, signal: closing.signal });
  for (let i = 0; i < 100; i++) await pace(7);
  assert.ok(waits.every((ms) => ms >= 20));
  assert.ok(Math.abs(waits.reduce((sum, ms) => sum + ms, 0) - 700) <= 20, String(waits));
  closing.abort();
  await assert.rejects(pace(1), ScrubEnded);
});
