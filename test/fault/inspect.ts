import { signerFromPem } from '@sigstead/keys';
import { composeLog } from '@sigstead/log';
import { createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { checkPrefix, type FetchedTree } from '../e2e/support/rekor-reader.ts';
import { type Append, checkHistory, type FinalEntry } from './history.ts';
import { leafHashOf } from './load.ts';
import type { Address, Rig } from './rig.ts';
import type { Servers } from './servers.ts';

export interface Verdict {
  /** Everything that must not be; empty when all is sound. */
  readonly problems: string[];
  readonly lostAcknowledgements: number;
  readonly forks: number;
  readonly acknowledged: number;
  readonly operations: number;
  readonly heads: number;
  readonly size: number;
}

/**
 * Stops the load, reads the whole log back and compares it with all that was ever answered. The first `before` entries
 * came with the log, by nobody of the load.
 */
export async function inspect(rig: Rig<Servers, Address>, before = 0): Promise<Verdict> {
  const { load, fleet } = rig;
  await load.stop();
  const tree = await readBack(rig);
  const log = tree.entries.map(finalEntry);
  const given = log.slice(0, before).map(({ entry }): Append => {
    return { entry, life: 'before', invokedMs: 0, endedMs: 0, outcome: { kind: 'unknown' } };
  });
  const violations = checkHistory({ appends: [...given, ...load.appends], reads: load.reads }, log);
  const forks = [...load.heads.values()].flatMap((head) => {
    try {
      checkPrefix(head, tree);
      return [];
    } catch (error) {
      return [`the signed head of size ${head.size} is no prefix of the log: ${String(error)}`];
    }
  });
  const problems = [
    ...violations.map(({ rule, text }) => `${rule}: ${text}`),
    ...forks.map((text) => `fork: ${text}`),
    ...load.wrongAnswers.map((text) => `wrong answer: ${text}`),
    ...fleet.selfEnded,
    ...(await checkDatabase(rig, tree.size)),
  ];
  return {
    problems,
    lostAcknowledgements: violations.filter(({ rule }) => rule === 'lost').length,
    forks: forks.length,
    acknowledged: load.acknowledged,
    operations: load.appends.length + load.reads.length,
    heads: load.heads.size,
    size: tree.size,
  };
}

/** From a writer that runs: tiles and entries of its newest head, which the entries must lead to. */
async function readBack({ fleet, readerAt }: Rig<Servers, Address>): Promise<FetchedTree> {
  const url = fleet.slots.map((slot) => fleet.serving(slot)?.url).find((each) => each !== undefined);
  if (url === undefined) throw new Error('no writer serves');
  const reader = readerAt(url);
  return reader.fetch(await reader.head());
}

function finalEntry(leaf: Buffer): FinalEntry {
  const { spec } = JSON.parse(leaf.toString('utf8')) as {
    spec: { hashedRekordV002: { data: { digest: string } } };
  };
  return { entry: spec.hashedRekordV002.data.digest, leafHash: leafHashOf(leaf) };
}

/** The full check of all rows, by a process that takes nothing. */
async function checkDatabase({ database, keyPem, origin }: Rig<Servers, Address>, size: number): Promise<string[]> {
  const log = await composeLog({
    connectionString: database.connectionString,
    logger: silentLogger,
    metrics: createMetrics(),
    clock: systemClock,
    logs: [{ name: 'fault', origin, kind: 'rekor-v2', signer: signerFromPem(keyPem), readOnly: true }],
  });
  try {
    const report = await log.fsck('fault');
    if (!report.complete) return ['fsck: the check did not go through to the newest head'];
    const sameSize = report.size === size ? [] : [`fsck: ${report.size} entries in the database, ${size} were served`];
    return [...report.problems.map((text) => `fsck: ${text}`), ...sameSize];
  } finally {
    await log.close();
  }
}
