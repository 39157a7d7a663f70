import { setTimeout as delay } from 'node:timers/promises';
import { Crew, CREW_ORIGIN } from './crew.ts';
import { inspect, type Verdict } from './inspect.ts';
import { seededRandom } from './random.ts';
import { openDatabase, openServers } from './rig.ts';

export interface CrewOptions {
  readonly seed: number;
  readonly cycles: number;
}

/** Who is killed; in this order, over and over. */
const VICTIMS = ['worker', 'all', 'worker', 'first process'] as const;
type Victim = (typeof VICTIMS)[number];

export interface CrewResult {
  readonly kills: number;
  /** Milliseconds from the kill to the first answer, by whomever, to something submitted after it. */
  readonly recoveryMs: Readonly<Record<Victim, readonly number[]>>;
  readonly verdict: Verdict;
}

const WORKERS = 4;
const CALLERS = 16;
/** The log is made with one entry of its own. */
const FIRST_ENTRIES = 1;
const MAX_QUIET_MS = 500;

/** `sigstead serve --workers 4` loses workers, itself, or everything at once, under load. */
export async function runCrew({ seed, cycles }: CrewOptions): Promise<CrewResult> {
  const rig = await openServers({
    seed,
    origin: CREW_ORIGIN,
    openDatabase,
    pace: { callersPerSlot: CALLERS, verifyOneIn: 1 },
    start: async (ground) => {
      const fleet = await Crew.start(ground, WORKERS);
      ground.closers.push(() => fleet.close());
      return { fleet, ways: [] };
    },
  });
  try {
    const random = seededRandom(seed);
    const recoveryMs: Record<Victim, number[]> = { worker: [], all: [], 'first process': [] };
    for (let i = 0; i < cycles; i++) {
      const victim = VICTIMS[i % VICTIMS.length] ?? 'worker';
      await rig.fleet.complete();
      await delay(random.below(MAX_QUIET_MS));
      const killedMs = performance.now();
      if (victim === 'worker') await rig.fleet.killWorker((workers) => random.pick(workers));
      else if (victim === 'all') rig.fleet.killAll();
      else rig.fleet.killFirst();
      const [answeredMs = NaN] = await rig.recovered([0], performance.now());
      recoveryMs[victim].push(answeredMs - killedMs);
    }
    await rig.fleet.complete();
    return { kills: cycles, recoveryMs, verdict: await inspect(rig, FIRST_ENTRIES) };
  } finally {
    await rig.close();
  }
}
