import type { TreeHasher } from '@sigstead/merkle';
import type { Logger, Pool } from '@sigstead/platform';
import type { MarkStore, Personality } from './core/ports.ts';
import { checkNote } from './core/release.ts';
import { halted, nameHead } from './core/state.ts';
import type { FileMark } from './mark/file-mark.ts';
import type { LogSpec } from './options.ts';
import { misconfigured } from './specs.ts';
import { createLog, findLog, logExists, refuseTaken } from './store/logs.ts';

/** What killed processes left is in nobody's way: not being able to remove it stops nothing. */
export async function sweepMark(mark: FileMark | undefined, logger: Logger): Promise<void> {
  try {
    const files = (await mark?.sweep()) ?? 0;
    if (files > 0) logger.info({ files }, 'files that killed processes left beside the mark were removed');
  } catch (error) {
    logger.warn({ error }, 'what killed processes left beside the mark cannot be removed');
  }
}

export interface Wanted {
  pool: Pool;
  hasher: TreeHasher;
  spec: LogSpec;
  personality: Personality;
  mark: MarkStore | undefined;
  nowMs: number;
}

/**
 * The size-0 note is signed once, at creation, and stored like every other. The mark comes first: a log that has entries
 * and no mark has lost it. A mark with entries says that there was such a log, so it is not made anew.
 * Resolves to its id. Throws LogError `misconfigured`, `halted`.
 */
export async function findOrCreate({ pool, spec, personality, mark, hasher, nowMs }: Wanted): Promise<number> {
  const { name, origin, kind, leafIndex = false } = spec;
  const identity = { name, origin, kind, keySpki: spec.signer.spki, leafIndex };
  // Before asking for the log: what was marked by then is in the database if it is the right one.
  const marked = spec.create === true ? await mark?.read() : undefined;
  if (spec.create !== true || (await logExists(pool, spec.name))) return findLog(pool, identity);
  if (marked !== undefined && marked.size > 0) {
    throw misconfigured(`log "${spec.name}" is not in this database, but its mark has ${nameHead(marked)}`);
  }
  const claim = { size: 0, root: hasher.empty(), timestampMs: nowMs };
  // Else what is refused below would leave a mark behind that is in the way of the right log.
  await refuseTaken(pool, identity);
  await mark?.advance(claim, () => Promise.reject(halted('a mark was below an empty tree')));
  const genesis = { ...claim, note: await personality.signHead(claim) };
  checkNote(personality, genesis.note, claim);
  return createLog(pool, identity, genesis);
}
