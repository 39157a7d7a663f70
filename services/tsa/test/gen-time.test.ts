import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { openFileTimeFloor, type TimeFloor, TsaSetupError } from '@sigstead/tsa';
import { Outage } from '../src/core/errors.ts';
import { GenTimeSource } from '../src/core/gen-time.ts';
import { derRequest, post, refusal, runTsa, TEST_NOW_MS, testClock } from './support.ts';
import { genTimeText } from './token-decoder.ts';

let folder: string;
let count = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'sigstead-floor-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));
const newFile = (): string => {
  count += 1;
  return join(folder, `floor-${count}`);
};

/** A floor that fails when told, and checks that its caller keeps the port's rules. */
class PolicingFloor implements TimeFloor {
  readonly startSec: number | undefined;
  storedSec: number;
  /** `before`: fails and has not stored; `after`: fails and has stored. */
  fault: 'before' | 'after' | undefined;
  #busy = false;

  constructor(startSec?: number) {
    this.startSec = startSec;
    this.storedSec = startSec ?? 0;
  }

  async raise(sec: number): Promise<void> {
    assert.ok(!this.#busy, 'never two calls at once');
    assert.ok(Number.isInteger(sec), 'whole seconds');
    this.#busy = true;
    await new Promise(setImmediate);
    this.#busy = false;
    if (this.fault !== 'before') this.storedSec = Math.max(this.storedSec, sec);
    if (this.fault) throw new Error('disk full');
  }
}

test('I6 genTime never goes back: whatever the clock does, within a run and over restarts', async () => {
  const step = fc.record({ moveMs: fc.integer({ min: -5000, max: 5000 }), restart: fc.boolean(), crash: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let floor = new PolicingFloor();
      let nowMs = TEST_NOW_MS;
      let source = new GenTimeSource({ clock: { nowMs: () => nowMs }, floor });
      let last = 0;
      for (const { moveMs, restart, crash } of steps) {
        nowMs += moveMs;
        if (restart) {
          floor = new PolicingFloor(floor.storedSec);
          source = new GenTimeSource({ clock: { nowMs: () => nowMs }, floor });
        }
        floor.fault = crash ? 'after' : undefined;
        const times = await Promise.allSettled([source.next(), source.next(), source.next()]);
        for (const time of times) {
          if (time.status === 'rejected') {
            assert.ok(time.reason instanceof Outage);
            continue;
          }
          assert.ok(time.value >= last, 'never lower than the one before');
          assert.equal(time.value % 1000, 0, 'whole seconds');
          assert.ok(time.value / 1000 <= floor.storedSec, 'stored before it is given out');
          assert.ok(Math.abs(time.value - nowMs) < 2000, 'within the stated accuracy of the clock');
          last = time.value;
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('I6, D56 a token after a restart with the clock set back is refused with 503, and comes when the clock does', async () => {
  const file = newFile();
  const clock = testClock();
  {
    await using tsa = await runTsa({ clock, timeFloor: await openFileTimeFloor({ file }) });
    assert.equal(genTimeText((await post(tsa, derRequest())).body), '20270101000000Z');
  }
  clock.set(TEST_NOW_MS - 3_600_000);
  await using tsa = await runTsa({ clock, timeFloor: await openFileTimeFloor({ file }) });
  const refused = await post(tsa, derRequest());
  assert.equal(refused.status, 503);
  assert.deepEqual(refusal(refused), [503, 'Error generating timestamp response']);
  assert.equal((await tsa.tsa.ready()).ok, false);
  assert.match((await tsa.tsa.ready()).detail ?? '', /clock is 3600 s behind/);
  assert.match(await tsa.metrics.text(), /sigstead_tsa_clock_behind_seconds 3600/);
  clock.set(TEST_NOW_MS + 1000);
  assert.equal(genTimeText((await post(tsa, derRequest())).body), '20270101000001Z');
  assert.deepEqual(await tsa.tsa.ready(), { ok: true });
});

test('I6 a step back within the stated accuracy repeats the last second', async () => {
  const clock = testClock();
  await using tsa = await runTsa({ clock });
  assert.equal(genTimeText((await post(tsa, derRequest())).body), '20270101000000Z');
  clock.set(TEST_NOW_MS - 900);
  assert.equal(genTimeText((await post(tsa, derRequest())).body), '20270101000000Z');
  clock.set(TEST_NOW_MS - 2000);
  assert.equal((await post(tsa, derRequest())).status, 503);
});

test('no token leaves when its time could not be stored, whether the write happened or not', async () => {
  for (const fault of ['before', 'after'] as const) {
    const floor = new PolicingFloor();
    const clock = testClock();
    await using tsa = await runTsa({ clock, timeFloor: floor });
    floor.fault = fault;
    assert.equal((await post(tsa, derRequest())).status, 503);
    assert.equal((await tsa.tsa.ready()).ok, false);
    floor.fault = undefined;
    assert.equal((await post(tsa, derRequest())).status, 200);
    assert.deepEqual(await tsa.tsa.ready(), { ok: true });
  }
});

test('the floor is written once a second, however many tokens are made', async () => {
  let writes = 0;
  const timeFloor: TimeFloor = {
    startSec: undefined,
    raise: () => {
      writes += 1;
      return Promise.resolve();
    },
  };
  await using tsa = await runTsa({ timeFloor });
  await Promise.all(Array.from({ length: 50 }, () => post(tsa, derRequest())));
  assert.equal(writes, 1);
});

test('the file holds the highest second, whole, and is never lowered', async () => {
  const file = newFile();
  const first = await openFileTimeFloor({ file });
  assert.equal(first.startSec, undefined);
  await first.raise(1_800_000_000);
  await first.raise(1_700_000_000);
  assert.equal(readFileSync(file, 'latin1'), '1800000000\n');
  assert.ok(!existsSync(`${file}.next`));
  assert.equal((await openFileTimeFloor({ file })).startSec, 1_800_000_000);
});

test('a crash between writing and renaming leaves the old value', async () => {
  const file = newFile();
  await (await openFileTimeFloor({ file })).raise(1_800_000_000);
  writeFileSync(`${file}.next`, '18000');
  assert.equal((await openFileTimeFloor({ file })).startSec, 1_800_000_000);
});

test('a damaged file stops the start; it is never taken for an absent one', async () => {
  for (const content of ['', '18000', '-5\n', '1e9\n', '1800000000\n1\n', 'NaN\n', ' 1\n']) {
    const file = newFile();
    writeFileSync(file, content);
    await assert.rejects(openFileTimeFloor({ file }), (error) => {
      assert.ok(error instanceof TsaSetupError);
      return error.code === 'floor_unreadable';
    });
    assert.equal(readFileSync(file, 'latin1'), content, 'and it is left as it was');
  }
});

const unwritable = (error: unknown): boolean => error instanceof TsaSetupError && error.code === 'floor_unwritable';
const skip = process.getuid?.() === 0 ? 'SKIPPED: root may write into every folder' : false;

test('a folder that is not there stops the start', async () => {
  await assert.rejects(openFileTimeFloor({ file: join(folder, 'absent', 'floor') }), unwritable);
});

test('a folder that may not be written to stops the start', { skip }, async () => {
  chmodSync(folder, 0o500);
  try {
    await assert.rejects(openFileTimeFloor({ file: newFile() }), unwritable);
  } finally {
    chmodSync(folder, 0o700);
  }
});
