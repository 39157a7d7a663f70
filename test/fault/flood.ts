import { setTimeout as delay } from 'node:timers/promises';
import type { QueueLimits } from '@sigstead/log';
import { inspect, type Verdict } from './inspect.ts';
import type { Pace } from './load.ts';
import { openRig, type Rig } from './rig.ts';

export interface FloodOptions {
  readonly seed: number;
  /** Of each phase. */
  readonly phaseMs: number;
}

export interface FloodResult {
  /** Answers by status in each phase; `none` where the process died or the connection was cut. */
  readonly phases: readonly { name: string; statuses: Readonly<Record<string, number>> }[];
  readonly verdict: Verdict;
}

/** Far more callers than the queues take: 24 for each writer, whose queue holds 8. Half of them have little time. */
const FLOOD: Pace = { callersPerSlot: 24, verifyOneIn: 10, hurryMs: 700 };
const CALM: Pace = { callersPerSlot: 2, verifyOneIn: 1 };
const QUEUE: QueueLimits = { maxEntries: 8, maxBytes: 2 ** 20, maxBatchEntries: 4, maxBatchBytes: 2 ** 18 };

/** More is asked than can be done, and then the database is silent, away, and a process dies. Stops the load. */
export async function runFlood({ seed, phaseMs }: FloodOptions): Promise<FloodResult> {
  const rig = await openRig(seed, { pace: CALM, queue: QUEUE });
  try {
    const phases: { name: string; statuses: Record<string, number> }[] = [];
    for (const [name, fault] of PHASES) {
      const before = new Map(rig.load.statuses);
      await changePace(rig, FLOOD);
      await Promise.all([fault(rig, phaseMs), delay(phaseMs)]);
      // When the flood is over, everybody answers at once.
      await changePace(rig, CALM);
      await rig.recovered(rig.fleet.slots, performance.now());
      const after = [...rig.load.statuses].map(
        ([status, count]) => [status, count - (before.get(status) ?? 0)] as const,
      );
      phases.push({ name, statuses: Object.fromEntries(after.filter(([, count]) => count > 0)) });
    }
    return { phases, verdict: await inspect(rig) };
  } finally {
    await rig.close();
  }
}

const PHASES: readonly [name: string, fault: (rig: Rig, phaseMs: number) => Promise<void>][] = [
  ['nothing but the flood', () => Promise.resolve()],
  ['the database is silent', silence],
  ['PostgreSQL is killed and comes back', ({ database }) => database.restart('killed')],
  ['a writer is killed', ({ fleet }) => Promise.resolve(fleet.kill(0))],
];

async function changePace({ load }: Rig, pace: Pace): Promise<void> {
  await load.stop();
  load.start(pace);
}

async function silence({ ways }: Rig, phaseMs: number): Promise<void> {
  for (const way of ways) way.hold();
  await delay(phaseMs / 2);
  for (const way of ways) way.release();
}
