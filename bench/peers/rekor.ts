import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertifiedKey } from '../log/certificates.ts';
import { entriesFor, hammer, type HammerTarget, type Load } from '../log/hammer.ts';
import { startProduction } from '../log/production.ts';
import { runLines } from '../log/report.ts';
import { isVoid, type RunSummary } from '../log/summary.ts';
import { factLines, type MachineFacts, machineFacts } from '../machine/facts.ts';
import { pinApart } from '../machine/pin.ts';
import { listening, stop } from './child.ts';
import type { PeerOptions } from './options.ts';
import { type RekorRun, rekorLines } from './rekor-report.ts';
import { spawnRekorTiles } from './rekor-tiles.ts';

const CERTIFICATES = 64;

interface RekorSystem extends HammerTarget {
  readonly name: RekorRun['system'];
}

type Say = (line: string) => void;

/** Both as they are in operation: `sigstead serve` with one process and its PostgreSQL, and theirs over files. */
export async function measureRekor(
  program: string,
  options: PeerOptions,
  { say, signsPerSecond }: { say: Say; signsPerSecond: number },
): Promise<{ facts: MachineFacts; runs: RekorRun[] }> {
  await using steps = new AsyncDisposableStack();
  const { search } = options;
  const production = await startProduction({ workers: 1, database: undefined, certificates: CERTIFICATES, search });
  steps.use(production);
  const facts = await machineFacts(production.pids, undefined);
  for (const line of factLines(facts)) say(line);
  const common = { keys: production.keys, signsPerSecond };
  const port = Number(new URL(production.url).port);
  const target = { host: '127.0.0.1', port };
  const ours = { ...common, name: 'sigstead', target, log: production.log, serverPids: production.pids } as const;
  const theirs = await startTheirs(steps, program, { ...common, antispam: options.antispam });
  say(
    `sigstead serve, one process, search ${search ?? 'as it is by itself'}; rekor-tiles posix, ${options.antispam ? 'with' : 'without'} persistent antispam`,
  );
  if (options.pin) say(pinApart([...ours.serverPids, ...theirs.serverPids]));
  const runs = await allRuns([ours, theirs], options, say);
  for (const line of ['', ...rekorLines(runs)]) say(line);
  return { facts, runs };
}

async function startTheirs(
  steps: AsyncDisposableStack,
  program: string,
  { antispam, ...common }: { antispam: boolean; keys: readonly CertifiedKey[]; signsPerSecond: number },
): Promise<RekorSystem> {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-peers-'));
  steps.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 }));
  const { child, target, log } = await spawnRekorTiles(program, folder, { antispam });
  steps.defer(() => stop(child));
  await listening(target, child);
  return { ...common, name: 'rekor-tiles', target, log, serverPids: [child.pid ?? 0] };
}

async function allRuns(
  [ours, theirs]: readonly [RekorSystem, RekorSystem],
  options: PeerOptions,
  say: Say,
): Promise<RekorRun[]> {
  const how = { ...options, readers: 0, duplicates: 0, connections: 8192 };
  for (const system of [ours, theirs]) {
    await hammer(system, { kind: 'closed', inFlight: 64 }, { ...how, seconds: options.warmUpSeconds });
  }
  const runs: RekorRun[] = [];
  const one = async (system: RekorSystem, load: Load, entries: ReturnType<typeof entriesFor>): Promise<void> => {
    const summary: RunSummary = await hammer(system, load, { ...how, entries: entries.to(system.target) });
    runs.push({ system: system.name, load, summary });
    for (const line of runLines(summary)) say(`${system.name.padEnd(12)} ${line}`);
  };
  for (let round = 0; round < options.rounds; round++) {
    for (const perSecond of options.rekorRates) {
      const load = { kind: 'open', perSecond } as const;
      // The same bodies for both, in turns: ours, theirs, theirs, ours.
      for (const order of [
        [ours, theirs],
        [theirs, ours],
      ]) {
        const entries = entriesFor(ours, load, options.seconds);
        for (const system of order) await one(system, load, entries);
      }
    }
    const most = Math.max(options.ourInFlight.length, options.theirInFlight.length);
    for (let i = 0; i < most; i++) {
      const loads = [ours, theirs].map((system, at) => {
        const inFlight = (at === 0 ? options.ourInFlight : options.theirInFlight)[i];
        return inFlight === undefined ? undefined : { system, load: { kind: 'closed', inFlight } as const };
      });
      const entries = entriesFor(ours, { kind: 'closed', inFlight: 1 }, options.seconds);
      for (const planned of loads) if (planned !== undefined) await one(planned.system, planned.load, entries);
    }
  }
  return runs;
}

/** Whether one bad answer makes the comparison worth nothing. */
export function isAnyVoid(runs: readonly RekorRun[]): boolean {
  return runs.some(({ summary }) => isVoid(summary));
}
