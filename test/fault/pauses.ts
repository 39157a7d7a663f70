import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Gaps, gapsOf } from './gaps.ts';
import { inspect, type Verdict } from './inspect.ts';
import { type Random, seededRandom } from './random.ts';
import type { Rig } from './rig.ts';

export interface PauseOptions {
  readonly seed: number;
  /** How often a process is paused, in turn at a random moment and inside its transaction. */
  readonly pauses: number;
  readonly pauseMs: number;
}

export interface Pause {
  readonly where: 'anywhere' | 'in its transaction';
  /** What the other writers noticed while it stood. */
  readonly others: Gaps;
  /** From SIGCONT to its first answer to something submitted after that, ms. */
  readonly backMs: number;
}

export interface PauseResult {
  readonly pauses: readonly Pause[];
  readonly verdict: Verdict;
}

/** Others may be held up so long, ms. */
export const LONGEST_DELAY_MS = 5000;
const MAX_QUIET_MS = 1000;
const STOP_TIMEOUT_MS = 20_000;

/** One writer after another stands still under load and goes on. Stops the load. */
export async function pausesOn(rig: Rig, options: PauseOptions): Promise<PauseResult> {
  const random = seededRandom(options.seed);
  const pauses: Pause[] = [];
  for (let i = 0; i < options.pauses; i++) {
    pauses.push(await pauseOnce(rig, random, i % 2 === 0 ? 'in its transaction' : 'anywhere', options.pauseMs));
  }
  return { pauses, verdict: await inspect(rig) };
}

async function pauseOnce(rig: Rig, random: Random, where: Pause['where'], pauseMs: number): Promise<Pause> {
  const { fleet, load } = rig;
  await delay(random.below(MAX_QUIET_MS));
  const slot = random.pick(fleet.slots);
  if (where === 'anywhere') fleet.pause(slot);
  else fleet.pauseInTransaction(slot);
  await untilStopped(fleet.pid(slot));
  const fromMs = performance.now();
  if (where === 'in its transaction') await checkHoldsLock(rig);
  await delay(Math.max(0, fromMs + pauseMs - performance.now()));
  const untilMs = performance.now();
  fleet.resume(slot);
  const [backAtMs = NaN] = await rig.recovered([slot], untilMs);
  const others = fleet.slots.filter((other) => other !== slot);
  return { where, others: gapsOf(load.appends, others, { fromMs, untilMs }), backMs: backAtMs - untilMs };
}

/** SPEC: proc_pid_stat(5): state T is stopped by a signal. */
async function untilStopped(pid: number): Promise<void> {
  const deadlineMs = performance.now() + STOP_TIMEOUT_MS;
  for (;;) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')) return;
    if (performance.now() > deadlineMs) throw new Error('the process does not stop');
    await delay(1);
  }
}

/** A session of the log must be in a transaction and silent, or the pause hit another place than it should. */
async function checkHoldsLock({ database }: Rig): Promise<void> {
  const client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
  try {
    const { rows } = await client.query(
      `select 1 from pg_stat_activity a join pg_locks l using (pid)
        where a.state = 'idle in transaction' and l.relation = 'log.locks'::regclass`,
    );
    if (rows.length === 0) throw new Error('no silent session holds the lock of the log');
  } finally {
    await client.end();
  }
}
