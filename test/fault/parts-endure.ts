import { type EnduranceOptions, LIGHT, type SnapshotResult, snapshotOn, type SoakResult, soakOn } from './endurance.ts';
import { runFlood } from './flood.ts';
import type { Minute } from './minutes.ts';
import { LONGEST_DELAY_MS, pausesOn } from './pauses.ts';
import { markdown, printVerdict, seconds } from './report.ts';
import { openRig } from './rig.ts';

const PAUSE_MS = 60_000;
const MINUTE_MS = 60_000;
const FLOOD_PHASE_MS = 15_000;
/** More than this is not flat: what an old snapshot did to a head that is updated was thirteenfold. */
const FLAT = { commits: 0.8, latency: 1.5, memory: 1.25, bytes: 1.1 };

export async function pauses(count: number, seed: number): Promise<boolean> {
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

export async function flood(count: number, seed: number): Promise<boolean> {
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

export async function snapshot(minutes: number, seed: number): Promise<boolean> {
  const result = await endured(minutes, seed, snapshotOn);
  printMinutes(result.minutes);
  const commits = ratio(result.minutes, ({ commitsPerSecond }) => commitsPerSecond);
  const latency = ratio(result.minutes, ({ p50Ms }) => p50Ms);
  console.log(`  last minute to first: commits per second ${commits.toFixed(2)}, p50 ${latency.toFixed(2)}`);
  return printVerdict(result.verdict) && commits >= FLAT.commits && latency <= FLAT.latency;
}

export async function soak(minutes: number, seed: number): Promise<boolean> {
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
