import { setTimeout as delay } from 'node:timers/promises';
import { type Ending, ENDINGS } from './database.ts';
import { inspect, type Verdict } from './inspect.ts';
import { type Random, seededRandom } from './random.ts';
import { openRig, type Rig } from './rig.ts';

export interface CycleOptions {
  readonly seed: number;
  /** Cycles in which writers are killed. */
  readonly cycles: number;
  /** Cycles in which PostgreSQL is ended, in each of its ways in turn. */
  readonly restarts: number;
}

export interface CycleResult {
  readonly kills: number;
  /** Milliseconds from a kill to the first answer of the process that took its place. */
  readonly writerRecoveryMs: readonly number[];
  /** Milliseconds from the end of PostgreSQL to each writer's first answer to something submitted after its return. */
  readonly databaseRecoveryMs: Readonly<Record<Ending, readonly number[]>>;
  readonly verdict: Verdict;
}

const MAX_QUIET_MS = 300;
/** Some are killed again before they serve. */
const AGAIN_PERCENT = 20;

/** On a rig of its own; see cyclesOn. */
export async function runCycles(options: CycleOptions): Promise<CycleResult> {
  const rig = await openRig(options.seed);
  try {
    return await cyclesOn(rig, options);
  } finally {
    await rig.close();
  }
}

/** Random writers are killed at random moments under load, again and again; then the database is. Stops the load. */
export async function cyclesOn(rig: Rig, options: CycleOptions): Promise<CycleResult> {
  const random = seededRandom(options.seed);
  const writerRecoveryMs: number[] = [];
  const databaseRecoveryMs: Record<Ending, number[]> = { fast: [], immediate: [], killed: [] };
  let kills = 0;
  for (let i = 0; i < options.cycles; i++) kills += await killCycle(rig, random, writerRecoveryMs);
  for (let i = 0; i < options.restarts; i++) {
    const ending = ENDINGS[i % ENDINGS.length] ?? 'fast';
    databaseRecoveryMs[ending].push(...(await restartCycle(rig, random, ending)));
  }
  return { kills, writerRecoveryMs, databaseRecoveryMs, verdict: await inspect(rig) };
}

async function killCycle(rig: Rig, random: Random, recoveryMs: number[]): Promise<number> {
  await delay(random.below(MAX_QUIET_MS));
  const victims = rig.fleet.slots.filter(() => random.below(3) === 0);
  if (victims.length === 0) victims.push(random.pick(rig.fleet.slots));
  const kill = (): number => {
    for (const slot of victims) rig.fleet.kill(slot);
    return performance.now();
  };
  let killedMs = kill();
  let kills = victims.length;
  if (random.below(100) < AGAIN_PERCENT) {
    await delay(random.below(MAX_QUIET_MS));
    killedMs = kill();
    kills += victims.length;
  }
  const answeredMs = await rig.recovered(victims, killedMs);
  recoveryMs.push(...answeredMs.map((ms) => ms - killedMs));
  return kills;
}

async function restartCycle(rig: Rig, random: Random, ending: Ending): Promise<number[]> {
  await delay(random.below(MAX_QUIET_MS));
  const endedMs = performance.now();
  await rig.database.restart(ending);
  const answeredMs = await rig.recovered(rig.fleet.slots, performance.now());
  return answeredMs.map((ms) => ms - endedMs);
}
