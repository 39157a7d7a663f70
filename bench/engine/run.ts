// `npm run bench:engine`: what the log engine and its PostgreSQL do by themselves, and what an append costs them.
import { factLines, machineFacts } from '../machine/facts.ts';
import { yardstick } from '../yardstick.ts';
import { growth, type GrowthPoint } from './growth.ts';
import { HELP } from './help.ts';
import { load, type Run } from './load.ts';
import { UsageError } from '../flags.ts';
import { type EngineOptions, readOptions } from './options.ts';
import { Records } from './records.ts';
import { dedupLine, growthLines, HEADER, runLines } from './report.ts';
import { type BenchLog, type Rig, startRig } from './rig.ts';

interface Bench {
  rig: Rig;
  options: EngineOptions;
  records: Records;
  signsPerSecond: number;
  say: (line: string) => void;
  runs: Run[];
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const say = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const { signsPerSecond } = yardstick();
  const makingMicros = Records.makingMicros(options.bytes);
  const rig = await startRig();
  try {
    const facts = await machineFacts([], rig.connectionString);
    for (const line of factLines(facts)) say(line);
    say(`P-256 on one core: ${signsPerSecond.toFixed(0)} signatures/s; making an entry: ${makingMicros.toFixed(1)} us`);
    const bench = { rig, options, records: new Records(options.bytes), signsPerSecond, say, runs: [] as Run[] };
    await loads(bench);
    const points = await sizes(bench);
    if (options.json) {
      const document = { facts, options, signsPerSecond, makingMicros, runs: bench.runs, growth: points };
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    }
    return bench.runs.some((run) => run.faults.length > 0) ? 1 : 0;
  } finally {
    await rig.stop();
  }
}

async function loads(bench: Bench): Promise<void> {
  const { rig, options, say } = bench;
  if (options.lone === 0 && options.inFlight.length === 0) return;
  say(HEADER);
  const log = await rig.log('engine', { mark: options.mark });
  await warmUp(bench, log);
  if (options.lone > 0) await measure(bench, log, { name: 'one writer', inFlight: 1, appends: options.lone });
  let last: Run | undefined;
  for (const inFlight of options.inFlight) last = await closedLoop(bench, log, `${inFlight} in flight`, inFlight);
  await log.close();
  const inFlight = options.inFlight.at(-1);
  if (last === undefined || inFlight === undefined || !options.dedupShare) return;
  const plain = await rig.log('plain', { dedup: false, mark: options.mark });
  await warmUp(bench, plain);
  say(dedupLine(last, await closedLoop(bench, plain, `${inFlight}, no dedup`, inFlight)));
  await plain.close();
}

async function warmUp({ rig, records, options }: Bench, log: BenchLog): Promise<void> {
  const seconds = options.warmUpSeconds;
  await load({ log, records, postmaster: rig.pid, name: 'warm-up', inFlight: 64, seconds });
}

function closedLoop(bench: Bench, log: BenchLog, name: string, inFlight: number): Promise<Run> {
  const { seconds, windowSeconds } = bench.options;
  return measure(bench, log, { name, inFlight, seconds, windowSeconds: Math.min(windowSeconds, seconds) });
}

async function measure(
  bench: Bench,
  log: BenchLog,
  how: { name: string; inFlight: number; seconds?: number; appends?: number; windowSeconds?: number },
): Promise<Run> {
  const run = await load({ log, records: bench.records, postmaster: bench.rig.pid, ...how });
  bench.runs.push(run);
  for (const line of runLines(run, bench.signsPerSecond)) bench.say(line);
  return run;
}

async function sizes({ rig, options, say }: Bench): Promise<GrowthPoint[]> {
  if (options.sizes.length === 0) return [];
  const points = await growth(rig, options, say);
  for (const line of growthLines(points)) say(line);
  return points;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`bench:engine: ${error instanceof Error ? error.message : String(error)}\n`);
  if (isUsage) process.stderr.write('npm run bench:engine -- --help tells more\n');
  process.exitCode = isUsage ? 2 : 1;
}
