// `npm run bench:log`: loads a Rekor v2 log with real entries, checks its answers, and says what they cost.
import { readFileSync } from 'node:fs';
import { startInstance } from '@sigstead/test/instance';
import { factLines, machineFacts } from '../machine/facts.ts';
import { listenersOn } from '../machine/listeners.ts';
import { pinApart } from '../machine/pin.ts';
import { yardstick } from '../yardstick.ts';
import { type CertifiedKey, certifiedKeys } from './certificates.ts';
import type { Target } from './connection.ts';
import { hammer, type HammerTarget, type Load } from './hammer.ts';
import { HELP } from './help.ts';
import { UsageError } from '../flags.ts';
import { type HammerOptions, MAX_REQUESTS, readOptions } from './options.ts';
import { startProduction } from './production.ts';
import { HEADER, overloadLines, quarterLines, runLines } from './report.ts';
import { isVoid, type OverloadView, overloadView, type QuarterView, quarterView, type RunSummary } from './summary.ts';
import { type LogIdentity, logOfPem, publishedLog } from './trust.ts';

const CERTIFICATES = 64;
const PEAK_IN_FLIGHT = 256;
const OVERLOAD = 3;
const QUARTER = 0.25;

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pids: readonly number[];
  /** Where the server does not tell by itself: its log, and what to sign entries with. */
  readonly log?: LogIdentity;
  readonly keys?: readonly CertifiedKey[];
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(HELP);
    return 0;
  }
  const say = (line: string): void => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const { signsPerSecond } = yardstick();
  await using server = await theServer(options);
  const facts = await machineFacts(server.pids, options.database ?? process.env['DATABASE_URL']);
  const pinning = options.pin ? pinApart(server.pids) : 'not pinned: server and generator share the cores';
  const on = await hammerTarget(server, options, signsPerSecond);
  for (const line of [...factLines(facts), `P-256 on one core: ${signsPerSecond.toFixed(0)} signatures/s`, pinning])
    say(line);
  if (options.search !== undefined) say(`search ${options.search}`);
  const { runs, overload, quarter } = await allRuns(on, options, say);
  const isBad = runs.some(isVoid);
  if (options.json) {
    const document = { facts, pinning, signsPerSecond, options, runs, overload, quarter, void: isBad };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  }
  return isBad ? 1 : 0;
}

async function theServer(options: HammerOptions): Promise<Server> {
  const { workers, database, search } = options;
  if (workers !== undefined) {
    const production = await startProduction({ workers, database, search, certificates: CERTIFICATES });
    return { ...production, pids: [...production.pids, ...options.pids] };
  }
  if (options.url === undefined) {
    const instance = await startInstance({ ephemeral: true });
    const pids = [instance.pid, ...options.pids];
    return { url: instance.url, pids, [Symbol.asyncDispose]: async () => void (await instance.stop()) };
  }
  const pids = [...listenersOn(targetOf(options.url).port), ...options.pids];
  if (pids.length === 0) throw new Error(`no process that this user can see listens at ${options.url}`);
  return { url: options.url, pids, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function hammerTarget(server: Server, options: HammerOptions, signsPerSecond: number): Promise<HammerTarget> {
  const { logKey } = options;
  const named = logKey === undefined ? undefined : logOfPem(readFileSync(logKey, 'utf8'), server.url);
  const log = named ?? server.log ?? (await publishedLog(server.url));
  const keys = server.keys ?? (await certifiedKeys(options.ca ?? server.url, CERTIFICATES));
  return { target: targetOf(server.url), log, keys, serverPids: server.pids, signsPerSecond };
}

async function allRuns(
  on: HammerTarget,
  options: HammerOptions,
  say: (line: string) => void,
): Promise<{ runs: RunSummary[]; overload: OverloadView | undefined; quarter: QuarterView | undefined }> {
  const runs: RunSummary[] = [];
  const measure = async (load: Load): Promise<RunSummary> => {
    const run = await hammer(on, load, options);
    runs.push(run);
    for (const line of runLines(run)) say(line);
    return run;
  };
  if (options.warmUpSeconds > 0) {
    const warmUp = await hammer(on, { kind: 'closed', inFlight: 16 }, { ...options, seconds: options.warmUpSeconds });
    // Its figures do not count, but its answers must be true as well.
    if (isVoid(warmUp)) runs.push(warmUp);
  }
  say(`runs of ${options.seconds} s after ${options.warmUpSeconds} s of warm-up\n${HEADER}`);
  for (const perSecond of options.rates) await measure({ kind: 'open', perSecond });
  for (const inFlight of options.closed) await measure({ kind: 'closed', inFlight });
  if (!options.overload && !options.quarter) return { runs, overload: undefined, quarter: undefined };
  const peak = await measure({ kind: 'closed', inFlight: Math.min(PEAK_IN_FLIGHT, options.connections) });
  const quarter = options.quarter ? await quarterOf(peak, measure) : undefined;
  for (const line of quarter === undefined ? [] : quarterLines(quarter)) say(line);
  const overload = options.overload ? await overloadOf(peak, measure, options) : undefined;
  for (const line of overload === undefined ? [] : overloadLines(overload)) say(line);
  return { runs, overload, quarter };
}

type Measure = (load: Load) => Promise<RunSummary>;

async function quarterOf(peak: RunSummary, measure: Measure): Promise<QuarterView> {
  const perSecond = Math.max(1, QUARTER * peak.acceptedPerSecond);
  return quarterView(peak, await measure({ kind: 'open', perSecond }), perSecond);
}

async function overloadOf(peak: RunSummary, measure: Measure, options: HammerOptions): Promise<OverloadView> {
  const perSecond = Math.min(OVERLOAD * peak.acceptedPerSecond, MAX_REQUESTS / options.seconds);
  const flood = await measure({ kind: 'open', perSecond, warm: options.connections });
  return overloadView(peak, flood, perSecond);
}

/** `localhost` is the IPv4 loopback here: one address, no look-up for each connection. */
function targetOf(url: string): Target {
  const { hostname, port } = new URL(url);
  const host = hostname === 'localhost' ? '127.0.0.1' : hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: port === '' ? 80 : Number(port) };
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`bench:log: ${error instanceof Error ? error.message : String(error)}\n`);
  if (isUsage) process.stderr.write('npm run bench:log -- --help tells more\n');
  process.exitCode = isUsage ? 2 : 1;
}
