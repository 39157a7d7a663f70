import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { median } from './growth.ts';
import { load } from './load.ts';
import { UsageError } from '../flags.ts';
import { readOptions } from './options.ts';
import { Records } from './records.ts';
import { runLines } from './report.ts';
import { type Rig, startRig } from './rig.ts';

describe('what is asked of bench:engine', () => {
  it('without options: three closed loops and a lone writer; growth only when sizes are named', () => {
    const options = readOptions([]);
    assert.ok(options !== 'help');
    assert.deepEqual([options.inFlight, options.sizes, options.lone], [[256, 512, 1024], [], 1000]);
    assert.equal(readOptions(['--help']), 'help');
  });

  it('what is no number, no list or no option is refused', () => {
    for (const args of [['--seconds', 'x'], ['--sizes', '1,,2'], ['--bytes', '1'], ['--nothing'], ['--rounds', '0']]) {
      assert.throws(() => readOptions(args), UsageError, args.join(' '));
    }
  });
});

it('the median of an even number of values lies between the two in the middle', () => {
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])], [2, 2.5, 7]);
  assert.ok(Number.isNaN(median([])));
});

describe('a load on an engine of its own', () => {
  let rig: Rig;
  before(async () => {
    rig = await startRig();
  });
  after(() => rig.stop());

  it('counts every append once, verifies a sample, and all are in the log', async () => {
    const log = await rig.log('counted', { mark: true });
    try {
      const records = new Records(200);
      const run = await load({ log, records, postmaster: rig.pid, name: 'test', inFlight: 16, appends: 600 });
      assert.deepEqual([run.appends, run.faults], [600, []]);
      assert.ok(run.verified >= 128 && run.verified <= 256, `${run.verified} verified`);
      assert.equal(log.tree.published.head.size, 600);
      assert.equal(runLines(run, 40_000).length, 1);
    } finally {
      await log.close();
    }
  });

  it('a log without look-ups holds the same entries', async () => {
    const log = await rig.log('plain', { dedup: false });
    try {
      const run = await load({
        log,
        records: new Records(64),
        postmaster: rig.pid,
        name: 'test',
        inFlight: 8,
        appends: 50,
      });
      assert.deepEqual([run.appends, run.faults, log.tree.published.head.size], [50, [], 50]);
    } finally {
      await log.close();
    }
  });
});
