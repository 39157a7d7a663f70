/**
 * `npm run test:fault [-- --cycles N] [--restarts N] [--schedules N] [--seed S]`: processes and the database die under
 * load; what was answered is compared with what is there. Exit code 0 when nothing contradicts.
 */
import { parseArgs } from 'node:util';
import { ENDINGS } from './database.ts';
import { type CycleResult, runCycles } from './kill-cycles.ts';
import { runSchedules, ScheduleFailed } from './schedules.ts';

const LIMITS = { lengthMs: 4000, maxPauseMs: 3000 };
const SCHEDULES_PER_LOG = 10;

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '200' },
    restarts: { type: 'string', default: '12' },
    schedules: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const seed = whole(values.seed);
console.log(`seed ${seed}`);
const startMs = performance.now();
let sound = true;
const [cycles, restarts, schedules] = [whole(values.cycles), whole(values.restarts), whole(values.schedules)];
if (cycles + restarts > 0) sound = reportCycles(await runCycles({ seed, cycles, restarts }));
if (schedules > 0) sound = (await reportSchedules()) && sound;
console.log(`whole run ${((performance.now() - startMs) / 1000).toFixed(0)} s: ${sound ? 'sound' : 'NOT SOUND'}`);
process.exitCode = sound ? 0 : 1;

function reportCycles({ kills, writerRecoveryMs, databaseRecoveryMs, verdict }: CycleResult): boolean {
  console.log(`${cycles} kill cycles (${kills} processes killed), ${restarts} restarts of PostgreSQL`);
  console.log(`  recovery of a killed writer: ${quantiles(writerRecoveryMs)}`);
  for (const ending of ENDINGS) {
    console.log(`  recovery after PostgreSQL ended (${ending}): ${quantiles(databaseRecoveryMs[ending])}`);
  }
  console.log(`  acknowledged ${verdict.acknowledged} of ${verdict.operations} operations, log size ${verdict.size}`);
  console.log(`  signed heads returned ${verdict.heads}, forks ${verdict.forks}`);
  console.log(`  lost acknowledgements ${verdict.lostAcknowledgements}`);
  for (const problem of verdict.problems.slice(0, 50)) console.log(`  PROBLEM ${problem}`);
  return verdict.problems.length === 0;
}

async function reportSchedules(): Promise<boolean> {
  const onDone = (done: number): void => {
    if (done % SCHEDULES_PER_LOG === 0) console.log(`  ${done} schedules`);
  };
  try {
    const result = await runSchedules({ seed, schedules, limits: LIMITS, perLog: SCHEDULES_PER_LOG, onDone });
    console.log(`${result.schedules} schedules (seeds ${seed} to ${seed + schedules - 1}): no contradiction`);
    console.log(`  faults ${JSON.stringify(result.faults)}`);
    console.log(`  acknowledged ${result.acknowledged} of ${result.operations} operations`);
    return true;
  } catch (error) {
    if (!(error instanceof ScheduleFailed)) throw error;
    console.log(`FAILED ${error.message}`);
    console.log(`again: npm run test:fault -- --cycles 0 --restarts 0 --schedules 1 --seed ${error.seed}`);
    return false;
  }
}

function quantiles(ms: readonly number[]): string {
  if (ms.length === 0) return 'none';
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number): string => {
    const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
    return `${(value / 1000).toFixed(2)} s`;
  };
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} (${ms.length})`;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`not a whole number: ${text}`);
  return Number(text);
}
