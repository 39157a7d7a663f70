import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cyclesOn } from '../fault/kill-cycles.ts';
import { openRig, type Rig } from '../fault/rig.ts';
import { scheduleOn } from '../fault/schedules.ts';

const SEED = 20_261;
const SCHEDULES = 10;
const LIMITS = { lengthMs: 600, maxPauseMs: 600 };

let rig: Rig;
before(async () => {
  rig = await openRig(SEED);
});
after(() => rig.close());

test('short form: 10 times writers are killed under load: nothing answered is lost, nothing forks', async (t) => {
  const { kills, verdict } = await cyclesOn(rig, { seed: SEED, cycles: 10, restarts: 0 });
  t.diagnostic(`${kills} kills, ${verdict.acknowledged} answers, ${verdict.heads} signed heads`);
  assert.deepEqual(verdict.problems, []);
  assert.ok(kills >= 10 && verdict.acknowledged > kills, 'the load did not run');
});

test('short form: 10 schedules of faults: the record of every operation agrees with the log', async (t) => {
  rig.load.start();
  const kinds = new Set<string>();
  for (let i = 0; i < SCHEDULES; i++) {
    for (const { kind } of await scheduleOn(rig, SEED + i, LIMITS)) kinds.add(kind);
  }
  t.diagnostic(`${rig.load.acknowledged} answers, ${rig.load.appends.length} submissions in the record`);
  assert.deepEqual([...kinds].sort(), ['cut', 'hold', 'kill', 'pause', 'restart']);
});
