import { runCrew } from './crew-cycles.ts';
import { ENDINGS } from './database.ts';
import { type EnduranceOptions, LIGHT, type SnapshotResult, snapshotOn, type SoakResult, soakOn } from './endurance.ts';
import { runFlood } from './flood.ts';
import { runCycles } from './kill-cycles.ts';
import type { Minute } from './minutes.ts';
import { LONGEST_DELAY_MS, pausesOn } from './pauses.ts';
import { markdown, printVerdict, quantiles, seconds } from './report.ts';
import { openRig } from './rig.ts';
import { runSchedules, ScheduleFailed } from './schedules.ts';

/** One part of the run, by its option. Prints what it found, ready for docs/faults.md; false when something contradicts. */
export interface Part {
  /** How often, or how many minutes. */
  readonly amount: number;
  readonly unit: string;
  /** About how long the default takes on two cores that nobody else uses. */
  readonly takes: string;
  run(amount: number, seed: number): Promise<boolean>;
}

const LIMITS = { lengthMs: 4000, maxPauseMs: 3000 };
const SCHEDULES_PER_LOG = 10;
const PAUSE_MS = 60_000;
const MINUTE_MS = 60_000;
const FLOOD_PHASE_MS = 15_000;
/** More than this is not flat: what an old snapshot did to a head that is updated was thirteenfold. */
const FLAT = { commits: 0.8, latency: 1.5, memory: 1.25, bytes: 1.1 };

/** In the order in which they run. */
export const PARTS: Readonly<Record<string, Part>> = {
  cycles: { amount: 200, unit: 'kill cycles', takes: '4 min', run: killCycles },
  restarts: { amount: 12, unit: 'restarts of PostgreSQL', takes: '1 min', run: restarts },
  schedules: { amount: 100, unit: 'schedules', takes: '12 min', run: schedules },
  pauses: { amount: 4, unit: 'pauses of 60 s', takes: '5 min', run: pauses },
  crew: { amount: 30, unit: 'kills in `sigstead serve --workers 4`', takes: '1 min', run: crew },
  flood: { amount: 1, unit: 'floods', takes: '1.5 min', run: flood },
  snapshot: { amount: 10, unit: 'minutes with a snapshot held open', takes: '11 min', run: snapshot },
  soak: { amount: 10, unit: 'minutes of soak', takes: '11 min', run: soak },
};

async function killCycles(cycles: number, seed: number): Promise<boolean> {
  const { kills, writerRecoveryMs, verdict } = await runCycles({ seed, cycles, restarts: 0 });
  console.log(`  ${kills} processes killed; recovery: ${quantiles(writerRecoveryMs)}; target p99 under 3 s`);
  return printVerdict(verdict);
}

async function restarts(count: number, seed: number): Promise<boolean> {
  const { databaseRecoveryMs, verdict } = await runCycles({ seed, cycles: 0, restarts: count });
  for (const ending of ENDINGS)
    console.log(`  PostgreSQL ${ending}: recovery ${quantiles(databaseRecoveryMs[ending])}`);
  return printVerdict(verdict);
}

async function schedules(count: number, seed: number): Promise<boolean> {
  const onDone = (done: number): void => {
    if (done % SCHEDULES_PER_LOG === 0) console.log(`  ${done} schedules`);
  };
  try {
    const options = { seed, schedules: count, limits: LIMITS, perLog: SCHEDULES_PER_LOG, onDone };
    const { faults, acknowledged, operations } = await runSchedules(options);
    console.log(`  seeds ${seed} to ${seed + count - 1}: no contradiction; faults ${JSON.stringify(faults)}`);
    console.log(`  acknowledged ${acknowledged} of ${operations} operations`);
    return true;
  } catch (error) {
    if (!(error instanceof ScheduleFailed)) throw error;
    console.log(`  FAILED ${error.message}`);
    console.log(`  again: npm run test:fault -- --only schedules --schedules 1 --seed ${error.seed}`);
    return false;
  }
}

async function pauses(count: number, seed: number): Promise<boolean> {
  const rig = await openRig(seed);
  try {
    const { pauses: found, verdict } = await pausesOn(rig, { seed, pauses: count, pauseMs: PAUSE_MS });
    const rows = found.map(({ where, others, backMs }) => [
      where,
      others.acknowledged,
      seconds(others.togetherMs),
      seconds(others.oneMs),
      seconds(others.slowestMs),
      seconds(backMs),
    ]);
    console.log(markdown(['Paused', 'Answers of others', 'All others silent', 'One silent', 'Slowest', 'Back'], rows));
    const longestMs = Math.max(...found.map(({ others }) => others.oneMs));
    console.log(`  others were held up ${seconds(longestMs)} at most; allowed ${seconds(LONGEST_DELAY_MS)}`);
    return printVerdict(verdict) && longestMs <= LONGEST_DELAY_MS;
  } finally {
    await rig.close();
  }
}

async function crew(cycles: number, seed: number): Promise<boolean> {
  const { recoveryMs, verdict } = await runCrew({ seed, cycles });
  for (const [victim, ms] of Object.entries(recoveryMs))
    console.log(`  ${victim} killed: answers again ${quantiles(ms)}`);
  return printVerdict(verdict);
}

async function flood(count: number, seed: number): Promise<boolean> {
  let sound = true;
  for (let i = 0; i < count; i++) {
    const { phases, verdict } = await runFlood({ seed: seed + i, phaseMs: FLOOD_PHASE_MS });
    const known = ['201', '409', '503', '504', 'none'];
    const rows = phases.map(({ name, statuses }) => [name, ...known.map((status) => statuses[status] ?? 0)]);
    console.log(markdown(['Flood and', '201', '409', '503 and Retry-After', '504', 'no answer'], rows));
    const others = phases.flatMap(({ statuses }) => Object.keys(statuses)).filter((status) => !known.includes(status));
    if (others.length > 0) console.log(`  PROBLEM other answers: ${others.join(', ')}`);
    sound = printVerdict(verdict) && others.length === 0 && sound;
  }
  return sound;
}

async function snapshot(minutes: number, seed: number): Promise<boolean> {
  const result = await endured(minutes, seed, snapshotOn);
  printMinutes(result.minutes);
  const commits = ratio(result.minutes, ({ commitsPerSecond }) => commitsPerSecond);
  const latency = ratio(result.minutes, ({ p50Ms }) => p50Ms);
  console.log(`  last minute to first: commits per second ${commits.toFixed(2)}, p50 ${latency.toFixed(2)}`);
  return printVerdict(result.verdict) && commits >= FLAT.commits && latency <= FLAT.latency;
}

async function soak(minutes: number, seed: number): Promise<boolean> {
  const result = await endured(minutes, seed, soakOn);
  console.log(`  peak ${result.peakPerSecond.toFixed(0)} answers/s; the soak runs at half of that`);
  printMinutes(result.minutes);
  const rows = result.tables.map((each) => [
    each.table,
    each.rows,
    each.deadRows,
    each.tableBytesPerEntry.toFixed(1),
    each.indexBytesPerEntry.toFixed(1),
  ]);
  console.log(markdown(['Table', 'Rows', 'Dead', 'Bytes per entry', 'Its indexes'], rows));
  // Caches and heaps fill up in the first half.
  const late = result.minutes.slice(Math.floor(minutes / 2));
  const memory = Math.max(
    ...(late[0]?.writersMib ?? []).map((_, slot) => ratio(late, ({ writersMib }) => writersMib[slot] ?? NaN)),
    ratio(late, ({ postgresMib }) => postgresMib),
  );
  const bytes = ratio(late, ({ bytesPerEntry }) => bytesPerEntry);
  console.log(`  second half, last minute to first: memory ${memory.toFixed(2)}, bytes per entry ${bytes.toFixed(2)}`);
  return printVerdict(result.verdict) && memory <= FLAT.memory && bytes <= FLAT.bytes;
}

type Endurance = SnapshotResult | SoakResult;

async function endured<T extends Endurance>(
  minutes: number,
  seed: number,
  run: (rig: Awaited<ReturnType<typeof openRig>>, options: EnduranceOptions) => Promise<T>,
): Promise<T> {
  const rig = await openRig(seed, { pace: LIGHT });
  try {
    return await run(rig, { minutes, minuteMs: MINUTE_MS });
  } finally {
    await rig.close();
  }
}

function printMinutes(minutes: readonly Minute[]): void {
  const rows = minutes.map((each, i) => [
    i + 1,
    each.commitsPerSecond.toFixed(0),
    each.entriesPerSecond.toFixed(0),
    each.p50Ms.toFixed(1),
    each.p99Ms.toFixed(1),
    each.writersMib.map((mib) => mib.toFixed(0)).join(' '),
    each.postgresMib.toFixed(0),
    each.deadRows,
    each.bytesPerEntry.toFixed(0),
  ]);
  const head = ['Minute', 'Commits/s', 'Entries/s', 'p50 ms', 'p99 ms', 'Writers MiB', 'PostgreSQL MiB', 'Dead rows'];
  console.log(markdown([...head, 'Bytes per entry'], rows));
}

/** Last to first. */
function ratio(minutes: readonly Minute[], of: (minute: Minute) => number): number {
  const [first, last] = [minutes[0], minutes.at(-1)];
  if (first === undefined || last === undefined) return NaN;
  return of(last) / of(first);
}
