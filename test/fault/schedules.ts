import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from './inspect.ts';
import { type Fault, faultPlan, type PlanLimits } from './plan.ts';
import { openRig, type Rig, WRITERS } from './rig.ts';

export interface ScheduleOptions {
  /** Schedule i has the seed `seed + i`. */
  readonly seed: number;
  readonly schedules: number;
  readonly limits: Omit<PlanLimits, 'slots'>;
  /** So many schedules run on one log before a fresh one is begun. */
  readonly perLog: number;
  readonly onDone?: (done: number) => void;
}

export interface ScheduleResult {
  readonly schedules: number;
  readonly faults: Readonly<Record<Fault['kind'], number>>;
  readonly operations: number;
  readonly acknowledged: number;
}

/** A schedule after which the record and the log contradict each other. */
export class ScheduleFailed extends Error {
  readonly seed: number;

  constructor(seed: number, plan: readonly Fault[], problems: readonly string[]) {
    const shown = problems.slice(0, 20).join('\n  ');
    super(`seed ${seed}, faults ${JSON.stringify(plan)}\n  ${shown}`);
    this.name = 'ScheduleFailed';
    this.seed = seed;
  }
}

/** Runs the schedules one after another; the whole record of a log is checked after each. Throws ScheduleFailed. */
export async function runSchedules(options: ScheduleOptions): Promise<ScheduleResult> {
  const faults: Record<Fault['kind'], number> = { kill: 0, cut: 0, pause: 0, hold: 0, restart: 0 };
  let operations = 0;
  let acknowledged = 0;
  for (let first = 0; first < options.schedules; first += options.perLog) {
    const rig = await openRig(options.seed + first);
    try {
      for (let i = first; i < Math.min(first + options.perLog, options.schedules); i++) {
        for (const { kind } of await scheduleOn(rig, options.seed + i, options.limits)) faults[kind] += 1;
        options.onDone?.(i + 1);
      }
      operations += rig.load.appends.length + rig.load.reads.length;
      acknowledged += rig.load.acknowledged;
    } finally {
      await rig.close();
    }
  }
  return { schedules: options.schedules, faults, operations, acknowledged };
}

/** One schedule on a rig whose load runs, and runs again when it resolves. Throws ScheduleFailed. */
export async function scheduleOn(rig: Rig, seed: number, limits: Omit<PlanLimits, 'slots'>): Promise<Fault[]> {
  const plan = faultPlan(seed, { ...limits, slots: WRITERS });
  try {
    await execute(rig, plan);
    await rig.recovered(rig.fleet.slots, performance.now());
    const { problems } = await inspect(rig);
    if (problems.length > 0) throw new ScheduleFailed(seed, plan, problems);
  } catch (error) {
    throw error instanceof ScheduleFailed ? error : new ScheduleFailed(seed, plan, [String(error)]);
  }
  rig.load.start();
  return plan;
}

/** Resolves when every fault has come and gone; what was paused or held goes on again. */
async function execute(rig: Rig, plan: readonly Fault[]): Promise<void> {
  const startMs = performance.now();
  let restarts: Promise<void> = Promise.resolve();
  const passing: Promise<void>[] = [];
  for (const fault of plan) {
    await delay(Math.max(0, startMs + fault.atMs - performance.now()));
    if (fault.kind === 'kill') rig.fleet.kill(fault.slot);
    if (fault.kind === 'cut') rig.ways[fault.slot]?.cut();
    if (fault.kind === 'pause' || fault.kind === 'hold') passing.push(pass(rig, fault));
    // One after another: a server cannot be ended before it has begun.
    if (fault.kind === 'restart') restarts = restarts.then(() => rig.database.restart(fault.ending));
  }
  await Promise.all([...passing, restarts]);
}

async function pass(rig: Rig, fault: Fault & { kind: 'pause' | 'hold' }): Promise<void> {
  if (fault.kind === 'pause') rig.fleet.pause(fault.slot);
  else rig.ways[fault.slot]?.hold();
  await delay(fault.forMs);
  if (fault.kind === 'pause') rig.fleet.resume(fault.slot);
  else rig.ways[fault.slot]?.release();
}
