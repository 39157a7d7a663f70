import { machineCpuSeconds, treeCpuByName } from '../machine/cpu.ts';
import type { CertifiedKey } from './certificates.ts';
import { Checker } from './checker.ts';
import type { Outcome, Target } from './connection.ts';
import { closedLoop, Connections, type Driven, openLoop } from './drive.ts';
import { Entries } from './entries.ts';
import { Ledger } from './ledger.ts';
import { MAX_REQUESTS } from './options.ts';
import { type BodyPlan, bodyPlanner, constantRate } from './schedule.ts';
import { type CpuSpent, type RunSummary, summarise } from './summary.ts';
import type { LogIdentity } from './trust.ts';

/** Signed ahead for a closed loop; more than a server of any machine we know does. */
const CLOSED_PER_SECOND = 6000;
/** The server gives up after 20 s. */
const DRAIN_MS = 25_000;

export type Load = { kind: 'open'; perSecond: number; warm?: number } | { kind: 'closed'; inFlight: number };

export interface HammerTarget {
  readonly target: Target;
  readonly log: LogIdentity;
  readonly keys: readonly CertifiedKey[];
  /** Processes whose CPU, with that of their children, is the server's. */
  readonly serverPids: readonly number[];
  readonly signsPerSecond: number;
}

export interface RunOptions {
  readonly seconds: number;
  readonly readers: number;
  readonly duplicates: number;
  readonly verifyEvery: number;
  readonly connections: number;
  /** As entriesFor() made them, for a server that never saw them; without, a run signs its own. */
  readonly entries?: Entries;
}

/** Entries enough for a load of so many seconds. */
export function entriesFor(on: Pick<HammerTarget, 'keys' | 'target'>, load: Load, seconds: number): Entries {
  const wanted = (load.kind === 'open' ? load.perSecond : CLOSED_PER_SECOND) * seconds;
  return new Entries({ count: Math.min(MAX_REQUESTS, Math.ceil(wanted)), keys: on.keys, target: on.target });
}

/** One run: signs, sends, checks, and says what it saw. */
export async function hammer(on: HammerTarget, load: Load, options: RunOptions): Promise<RunSummary> {
  const entries = options.entries ?? entriesFor(on, load, options.seconds);
  const { count } = entries;
  const ledger = new Ledger(count);
  const checker = new Checker({ target: on.target, log: on.log, readers: options.readers });
  const connections = new Connections(on.target, options.connections);
  const requests = bookedRequests({ entries, ledger, checker, options });
  try {
    if (load.kind === 'open' && load.warm !== undefined) await connections.warm(load.warm, '/checkpoint');
    const cpu = watchCpu(on.serverPids);
    checker.start();
    const driven = await drive(load, { count, connections, requests, seconds: options.seconds });
    const spent = cpu();
    const checks = await checker.finish();
    ledger.close();
    return summarise({ name: nameOf(load), ledger, driven, checks, cpu: spent, signsPerSecond: on.signsPerSecond });
  } finally {
    connections.close();
    await checker.close();
  }
}

interface Run {
  count: number;
  seconds: number;
  connections: Connections;
  requests: ReturnType<typeof bookedRequests>;
}

function drive(load: Load, { count, seconds, connections, requests }: Run): Promise<Driven> {
  if (load.kind === 'closed') return closedLoop({ inFlight: load.inFlight, seconds, count, connections, requests });
  const schedule = constantRate(load.perSecond, seconds);
  return openLoop({ schedule, connections, requests, drainMs: DRAIN_MS });
}

/** Requests with their bodies planned, every outcome booked, every so many accepted answers handed to the checker. */
function bookedRequests(parts: { entries: Entries; ledger: Ledger; checker: Checker; options: RunOptions }): {
  request(i: number): Uint8Array;
  answered(i: number, outcome: Outcome, latencyMs: number): void;
} {
  const { entries, ledger, checker, options } = parts;
  const plan = bodyPlanner(options.duplicates, Math.random);
  const plans = new Map<number, BodyPlan>();
  let accepted = 0;
  return {
    request(i) {
      const planned = plan();
      plans.set(i, planned);
      return entries.request(planned.body);
    },
    answered(i, outcome, latencyMs) {
      const planned = plans.get(i) ?? { body: 0, isRepeat: true };
      plans.delete(i);
      if (!ledger.record(planned, outcome, latencyMs) || outcome instanceof Error) return;
      if (accepted++ % options.verifyEvery === 0) checker.check(outcome.body, entries.canonicalBody(planned.body));
    },
  };
}

/** Begins to count; the returned function says what was spent since. Other systems than Linux do not say it (NaN). */
function watchCpu(serverPids: readonly number[]): () => CpuSpent {
  if (process.platform !== 'linux') {
    return () => ({ server: Number.NaN, byName: {}, generator: Number.NaN, otherCores: Number.NaN });
  }
  const startMs = performance.now();
  const before = { names: treeCpuByName(...serverPids), own: process.cpuUsage(), machine: machineCpuSeconds() };
  return () => {
    const names = [...treeCpuByName(...serverPids)].map(
      ([name, seconds]) => [name, seconds - (before.names.get(name) ?? 0)] as const,
    );
    const server = names.reduce((sum, [, seconds]) => sum + seconds, 0);
    const own = process.cpuUsage(before.own);
    const generator = (own.user + own.system) / 1e6;
    const busy = machineCpuSeconds().busy - before.machine.busy;
    const seconds = (performance.now() - startMs) / 1000;
    return {
      server,
      byName: Object.fromEntries(names.toSorted(([, a], [, b]) => b - a)),
      generator,
      otherCores: Math.max(0, (busy - server - generator) / seconds),
    };
  };
}

export function nameOf(load: Load): string {
  return load.kind === 'open' ? `open, ${Math.round(load.perSecond)}/s` : `closed, ${load.inFlight} in flight`;
}
