import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generatePrivateKeyPem } from '@sigstead/keys';
import {
  DETECT_MS,
  type Detected,
  failedOver,
  type LifeWorld,
  restoredAndGrown,
  restoredOlder,
  twoPrimaries,
} from './life-cases.ts';
import { Databases } from './life-database.ts';
import { makeLog } from './life-site.ts';

export const LIFE_CASES: Readonly<Record<string, (world: LifeWorld) => Promise<Detected>>> = {
  'restored older database': restoredOlder,
  'restored and grown on another root': restoredAndGrown,
  'fail-over that lost the tail': failedOver,
  'two live primaries with one mark': twoPrimaries,
};

export interface LifeOptions {
  /** Of each case. */
  rounds: number;
  /** To any database of a server that may be used for this alone, as its superuser. */
  server: string;
  /** Default all. */
  cases?: readonly string[];
  onRound?: (name: string, round: number, ms: number) => void;
}

export interface LifeResult {
  name: string;
  rounds: number;
  /** Each round's ms from the moment the wrong data was there to the halt; a round that failed has none. */
  detectedMs: number[];
  /** What contradicts the promise, with the round. */
  problems: string[];
}

/**
 * Puts wrong data under real `sigstead serve` processes, while they run and before they start, and looks at what they
 * answer, show and sign. Resolves with what was found; only trouble with the tools rejects.
 */
export async function runLife(options: LifeOptions): Promise<LifeResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-life-'));
  await chmod(folder, 0o711);
  const databases = new Databases(options.server);
  try {
    const keyPem = generatePrivateKeyPem('ecdsa-p256-sha256');
    const template = { database: await databases.copy(), state: join(folder, 'state') };
    await makeLog(databases.url(template.database), keyPem, template.state);
    const results: LifeResult[] = [];
    for (const name of options.cases ?? Object.keys(LIFE_CASES)) {
      const result: LifeResult = { name, rounds: options.rounds, detectedMs: [], problems: [] };
      for (let round = 1; round <= options.rounds; round++) {
        const own = join(folder, `${results.length}-${round}`);
        await runRound(result, { databases, keyPem, template, folder: own, round }, options);
      }
      results.push(result);
    }
    return results;
  } finally {
    await databases.drop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function runRound(result: LifeResult, world: LifeWorld, options: LifeOptions): Promise<void> {
  const run = LIFE_CASES[result.name];
  if (run === undefined) throw new Error(`no case ${result.name}`);
  try {
    const { whileRunning } = await run(world);
    result.detectedMs.push(whileRunning);
    options.onRound?.(result.name, world.round, whileRunning);
    if (whileRunning > DETECT_MS) {
      result.problems.push(`round ${world.round}: found out after ${whileRunning.toFixed(0)} ms`);
    }
  } catch (error) {
    result.problems.push(`round ${world.round}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
