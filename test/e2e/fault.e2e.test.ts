import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LIGHT, snapshotOn, soakOn } from '../fault/endurance.ts';
import { cyclesOn } from '../fault/kill-cycles.ts';
import { pausesOn } from '../fault/pauses.ts';
import { openRig, type Rig } from '../fault/rig.ts';
import { scheduleOn } from '../fault/schedules.ts';

const SEED = 20_261;
const SCHEDULES = 10;
const LIMITS = { lengthMs: 600, maxPauseMs: 600 };
/** Twice as long as the server lets two silent sessions of one process keep the lock, and some. */
const PAUSE_MS = 6000;

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

test('a process stopped inside its transaction: the others go on while it stands, and it goes on afterwards', async (t) => {
  const { pauses, verdict } = await pausesOn(rig, { seed: SEED, pauses: 1, pauseMs: PAUSE_MS });
  const [pause] = pauses;
  assert.deepEqual(verdict.problems, []);
  t.diagnostic(`others silent for ${pause?.others.togetherMs.toFixed(0)} ms`);
  assert.ok((pause?.others.acknowledged ?? 0) > 0, 'nobody answered while it stood');
});

test('short form: with a snapshot held open, then at half load: nothing is lost, and nothing is updated in place', async (t) => {
  rig.load.start(LIGHT);
  const held = await snapshotOn(rig, { minutes: 2, minuteMs: 2000 });
  assert.deepEqual(held.verdict.problems, []);
  rig.load.start(LIGHT);
  const soak = await soakOn(rig, { minutes: 2, minuteMs: 2000 });
  assert.deepEqual(soak.verdict.problems, []);
  const minutes = [...held.minutes, ...soak.minutes];
  for (const { commitsPerSecond } of minutes) assert.ok(commitsPerSecond > 0);
  t.diagnostic(`commits/s ${minutes.map(({ commitsPerSecond }) => commitsPerSecond.toFixed(0)).join(', ')}`);
  // A row that is updated leaves a dead one behind. Transactions that failed do too: a handful for each.
  const { entries, dead } = soak.tables.reduce(
    (sum, { table, rows, deadRows }) => ({
      entries: table === 'identities' ? rows : sum.entries,
      dead: sum.dead + deadRows,
    }),
    { entries: 0, dead: 0 },
  );
  assert.ok(entries > 0, 'no statistics');
  assert.ok(dead < entries, `${dead} dead rows of ${entries}`);
});
