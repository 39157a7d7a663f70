import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCrew } from './crew-cycles.ts';
import { Database, ENDINGS } from './database.ts';
import { runCycles } from './kill-cycles.ts';
import { runLife } from './life.ts';
import { markdown, printVerdict, quantiles, seconds } from './report.ts';
import { runSchedules, ScheduleFailed } from './schedules.ts';
import { runStandby } from './standby.ts';

const LIMITS = { lengthMs: 4000, maxPauseMs: 3000 };
const SCHEDULES_PER_LOG = 10;
const STANDBY_AWAY_MS = 8000;

export async function killCycles(cycles: number, seed: number): Promise<boolean> {
  const { kills, writerRecoveryMs, verdict } = await runCycles({ seed, cycles, restarts: 0 });
  console.log(`  ${kills} processes killed; recovery: ${quantiles(writerRecoveryMs)}; target p99 under 3 s`);
  return printVerdict(verdict);
}

export async function restarts(count: number, seed: number): Promise<boolean> {
  const { databaseRecoveryMs, verdict } = await runCycles({ seed, cycles: 0, restarts: count });
  for (const ending of ENDINGS)
    console.log(`  PostgreSQL ${ending}: recovery ${quantiles(databaseRecoveryMs[ending])}`);
  return printVerdict(verdict);
}

export async function schedules(count: number, seed: number): Promise<boolean> {
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

export async function crew(cycles: number, seed: number): Promise<boolean> {
  const { recoveryMs, verdict } = await runCrew({ seed, cycles });
  for (const [victim, ms] of Object.entries(recoveryMs))
    console.log(`  ${victim} killed: answers again ${quantiles(ms)}`);
  return printVerdict(verdict);
}

export async function standby(count: number, seed: number): Promise<boolean> {
  let sound = true;
  const backMs: number[] = [];
  const failoverMs: number[] = [];
  for (let i = 0; i < count; i++) {
    const result = await runStandby({ seed: seed + i, awayMs: STANDBY_AWAY_MS });
    backMs.push(...result.backMs);
    failoverMs.push(...result.failoverMs);
    console.log(`  acknowledged without the standby: ${result.acknowledgedWithout}`);
    sound = printVerdict(result.verdict) && result.acknowledgedWithout === 0 && sound;
  }
  console.log(`  standby back: answers again ${quantiles(backMs)}`);
  console.log(`  primary ended, standby promoted: answers again ${quantiles(failoverMs)}`);
  return sound;
}

export async function life(rounds: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-fault-life-'));
  await chmod(folder, 0o711);
  const database = await Database.open(folder);
  try {
    const results = await runLife({ rounds, server: database.connectionString });
    const rows = results.map(({ name, detectedMs }) => {
      return [name, `${detectedMs.length} of ${rounds}`, seconds(Math.max(...detectedMs))];
    });
    console.log(markdown(['Case', 'Found out', 'Slowest'], rows));
    for (const problem of results.flatMap(({ problems }) => problems)) console.log(`  PROBLEM ${problem}`);
    return results.every(({ problems, detectedMs }) => problems.length === 0 && detectedMs.length === rounds);
  } finally {
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
