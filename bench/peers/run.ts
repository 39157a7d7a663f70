// `npm run bench:peers`: our log engine beside Tessera's, our Rekor v2 beside upstream's, over HTTP.
import { loadavg } from 'node:os';
import { clientCacheDir } from '../../test/clients/cache.ts';
import { provide, provided, type Tool } from '../../test/clients/tool.ts';
import { rekorTilesPosix } from '../../test/clients/tools.ts';
import { factLines, machineFacts } from '../machine/facts.ts';
import { pinApart } from '../machine/pin.ts';
import { yardstick } from '../yardstick.ts';
import { HELP } from './help.ts';
import { Leaves } from './leaves.ts';
import { type Load, measure, type MeasureOptions, type Run } from './measure.ts';
import { UsageError } from '../flags.ts';
import { type PeerOptions, readOptions } from './options.ts';
import { type Comparison, compare, runLine, tableLines, targetLines } from './report.ts';
import { isAnyVoid, measureRekor } from './rekor.ts';
import { startSystems, type System, type Systems } from './systems.ts';
import { tessera } from './tessera.ts';

type Say = (line: string) => void;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const say: Say = (line) => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const { signsPerSecond } = yardstick();
  const context = { say, signsPerSecond };
  const found: Record<string, unknown> = {};
  let isBad = false;
  for (const peer of options.peers) {
    const measured = peer === 'tessera' ? await besideTessera(options, context) : await besideRekor(options, context);
    if (measured === undefined) continue;
    found[peer] = measured.document;
    isBad ||= measured.isVoid;
  }
  say(
    `load average at the end: ${loadavg()
      .map((load) => load.toFixed(2))
      .join(', ')}`,
  );
  if (options.json) process.stdout.write(`${JSON.stringify({ signsPerSecond, options, ...found }, null, 2)}\n`);
  return isBad ? 1 : 0;
}

interface Context {
  readonly say: Say;
  readonly signsPerSecond: number;
}

interface Measured {
  readonly document: unknown;
  readonly isVoid: boolean;
}

async function besideTessera(options: PeerOptions, { say, signsPerSecond }: Context): Promise<Measured | undefined> {
  const program = await theirProgram(tessera, say);
  if (program === undefined) return undefined;
  await using systems = await startSystems(program);
  const facts = await machineFacts([], systems.connectionString);
  for (const line of factLines(facts)) say(line);
  say(`P-256 on one core: ${signsPerSecond.toFixed(0)} signatures/s; ours answers through fastify`);
  const pinning = options.pin ? pinApart([...systems.ours.pids, ...systems.theirs.pids]) : 'not pinned';
  say(pinning);
  const { runs, comparisons } = await allRuns(systems, options, say);
  for (const line of ['', ...tableLines(comparisons), '', ...targetLines(comparisons)]) say(line);
  const isVoid = runs.some((run) => run.faults.length > 0 || run.checked === 0);
  return { document: { facts, pinning, runs, comparisons }, isVoid };
}

async function besideRekor(options: PeerOptions, context: Context): Promise<Measured | undefined> {
  const program = await theirProgram(rekorTilesPosix, context.say);
  if (program === undefined) return undefined;
  const { facts, runs } = await measureRekor(program, options, context);
  return { document: { facts, runs }, isVoid: isAnyVoid(runs) };
}

/** Undefined, and said by name, where it cannot be built. */
async function theirProgram(tool: Tool, say: Say): Promise<string | undefined> {
  const cache = clientCacheDir(process.env);
  const present = await provided(tool, cache);
  if (present !== undefined) return present;
  const reason = await tool.missing();
  if (reason !== undefined) {
    say(`SKIPPED ${tool.name}: ${reason}`);
    return undefined;
  }
  say(`${tool.name} is being installed into ${cache}`);
  return provide(tool, cache);
}

async function allRuns(
  systems: Systems,
  options: PeerOptions,
  say: Say,
): Promise<{ runs: Run[]; comparisons: Comparison[] }> {
  const leaves = new Leaves();
  let leaf = 0;
  const how: MeasureOptions = { ...options, leaves, nextLeaf: () => leaf++ };
  const { ours, theirs } = systems;
  for (const system of [ours, theirs]) {
    await measure(system, { kind: 'closed', inFlight: 64 }, { ...how, seconds: options.warmUpSeconds });
  }
  const loads: Load[] = [
    ...options.rates.map((perSecond) => ({ kind: 'open', perSecond }) as const),
    ...options.inFlight.map((inFlight) => ({ kind: 'closed', inFlight }) as const),
  ];
  const runs: Run[] = [];
  const comparisons: Comparison[] = [];
  for (const load of loads) {
    const own: Run[] = [];
    for (const system of order(options.rounds, ours, theirs)) {
      const run = await measure(system, load, how);
      own.push(run);
      say(runLine(run));
    }
    runs.push(...own);
    comparisons.push(compare(load, own));
  }
  return { runs, comparisons };
}

/** A-B-B-A, so that what drifts falls on both. */
function order(rounds: number, ours: System, theirs: System): System[] {
  return Array.from({ length: rounds }, () => [ours, theirs, theirs, ours]).flat();
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench:peers: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
  if (error instanceof UsageError) process.stderr.write('npm run bench:peers -- --help tells more\n');
}
