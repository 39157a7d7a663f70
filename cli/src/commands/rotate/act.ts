import { createMetrics } from '@sigstead/platform';
import { TufError } from '@sigstead/tuf-root';
import { Failure } from '../../failure.ts';
import type { LogFile } from '../../serve/config/sections.ts';
import { startStep } from '../../serve/services/start-failure.ts';
import { openTuf } from '../../serve/services/tuf.ts';
import type { ShardStep } from '../../serve/services/shards.ts';
import { createLog } from '../log-create.ts';
import { withLog } from '../log-site.ts';
import { type RotationGround, readGround } from './facts.ts';
import { windowEndMs } from './plan.ts';
import { probeLog } from './probe.ts';

export interface ActOptions {
  /** Whether the new log's URL is asked first. */
  readonly probe: boolean;
}

/** Makes the new log, with its first entry. If we die in between, the next try finishes it. */
export async function create({ site, facts }: RotationGround): Promise<void> {
  await createLog(site, configured(facts.next));
}

/** The new key is in the trusted root from here on; new signatures go where they went. */
export async function publish(ground: RotationGround, { probe }: ActOptions): Promise<void> {
  const next = configured(ground.facts.next);
  const row = ground.facts.nextRow;
  if (row === undefined) throw new TypeError('the new log is not there');
  if (probe) await probeLog(next, signerOf(ground, next));
  // The same at every try: nothing of the log is older than its creation.
  const startMs = Math.floor(row.createdMs / 1000) * 1000;
  await publishStep(ground, { kind: 'publish', name: next.name, startMs });
}

/** New signatures go to the new log from here on. */
export async function switchOver(ground: RotationGround, { probe }: ActOptions): Promise<void> {
  const next = configured(ground.facts.next);
  if (probe) await probeLog(next, signerOf(ground, next));
  await publishStep(ground, { kind: 'switch', name: next.name });
}

/**
 * Freezes the old log, then ends its window in the trusted root. If we die in between, the next try finds it frozen and does the rest.
 */
export async function freeze(ground: RotationGround): Promise<void> {
  const { site, facts } = ground;
  const { old } = facts;
  if (facts.trust !== undefined) needTargetsKey(ground);
  await withLog(site, old, {}, (handle) => handle.changeState(old.name, 'frozen'));
  if (facts.trust === undefined) return;
  const { oldRow } = (await readGround(site, old)).facts;
  if (oldRow?.since === undefined) throw new TypeError('a frozen log without the time of it');
  await publishStep(ground, { kind: 'end', name: old.name, endMs: windowEndMs(oldRow.since) });
}

/**
 * One publication: it is there whole or not, whenever we die, and a second try finds it. Workers that serve the trust root pick it up
 * by themselves. Throws a Failure.
 */
async function publishStep({ site, materials }: RotationGround, step: ShardStep): Promise<void> {
  const { config, connectionString, logger, io } = site;
  needTargetsKey({ site, materials });
  const options = { config, materials, connectionString, version: io.version, slot: 1, shared: false, logger };
  const handle = await startStep('tuf', config.path, () =>
    openTuf({ ...options, metrics: createMetrics() }, step).catch((error: unknown) => {
      if (!(error instanceof TufError)) throw error;
      throw new Failure(`tuf: nothing was published: ${error.message}`, { cause: error });
    }),
  );
  await handle.close();
}

/** Asked before anything is done that cannot be undone. Throws a Failure. */
function needTargetsKey({ site, materials }: Pick<RotationGround, 'site' | 'materials'>): void {
  if (materials.tufSigners?.targets !== undefined) return;
  throw new Failure(
    `${site.config.path}: tuf.keys has no targets key, and the trusted root cannot be changed without it: do this step where it is, with the same database`,
  );
}

function configured(next: LogFile | undefined): LogFile {
  if (next === undefined) throw new TypeError('no log follows');
  return next;
}

function signerOf({ materials }: RotationGround, { name }: LogFile) {
  const own = materials.logs.get(name);
  if (own === undefined) throw new TypeError(`no materials of log ${name}`);
  return own.signer;
}
