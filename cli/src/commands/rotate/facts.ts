import type { TrustModel } from '@sigstead/formats';
import { type LogOverview, overviewOfLogs } from '@sigstead/log';
import { systemClock } from '@sigstead/platform';
import { type PublishedModel, publishedModels } from '@sigstead/tuf-root';
import { Failure } from '../../failure.ts';
import type { LogFile } from '../../serve/config/sections.ts';
import { marksOf } from '../../serve/services/logs.ts';
import { loadMaterials, type Materials } from '../../serve/services/materials.ts';
import { isSigningLog, publishedLog } from '../../serve/services/shards.ts';
import { startStep } from '../../serve/services/start-failure.ts';
import type { LogSite } from '../log-site.ts';

/** What the published trust material says of a rotation, and since when without a break. Milliseconds since 1970. */
export interface TrustFacts {
  /** The new log's key is in the trusted root. */
  readonly listedSinceMs: number | undefined;
  /** The signing config names the new log, and the old one no longer. */
  readonly switchedSinceMs: number | undefined;
  /** End of the old log's window. */
  readonly endMs: number | undefined;
}

/** Where a rotation is: read anew by each command, kept nowhere. */
export interface RotationFacts {
  readonly old: LogFile;
  /** The log that follows it in the configuration. */
  readonly next: LogFile | undefined;
  /** As the database has them. */
  readonly oldRow: LogOverview | undefined;
  readonly nextRow: LogOverview | undefined;
  /** Name of the log that the old one follows, while that one's own rotation is not over. */
  readonly unfinished: string | undefined;
  /** Undefined where the configuration publishes no trust root. */
  readonly trust: TrustFacts | undefined;
  readonly nowMs: number;
}

/** What the steps work with beside the facts. */
export interface RotationGround {
  readonly site: LogSite;
  readonly materials: Materials;
  readonly rows: readonly LogOverview[];
  readonly facts: RotationFacts;
}

/** Reads configuration, database and publications. Changes nothing. Throws a Failure. */
export async function readGround(site: LogSite, old: LogFile): Promise<RotationGround> {
  const { config, connectionString, logger } = site;
  const { logs, tuf } = config.file;
  const materials = await loadMaterials(config);
  const marks = new Map(logs.map(({ name }) => [name, marksOf(config, name)]));
  const rows = await startStep('logs', config.path, () =>
    overviewOfLogs({ connectionString, logger, clock: systemClock, marks }),
  );
  const history = tuf && (await startStep('tuf', config.path, () => publishedModels({ connectionString, logger })));
  const next = logs.find(({ follows }) => follows === old.name);
  const rowOf = (name: string | undefined): LogOverview | undefined => rows.find((row) => row.name === name);
  for (const log of [old, next]) refuseOther(log, rowOf(log?.name), { site, materials });
  const trustOf = (one: LogFile, follower: LogFile | undefined): TrustFacts | undefined =>
    history && trustFacts(history, spkiOf(materials, one), follower && spkiOf(materials, follower));
  const before = logs.find(({ name }) => name === old.follows);
  const isOver =
    before === undefined ||
    (rowOf(before.name)?.state === 'frozen' && (!tuf || trustOf(before, old)?.endMs !== undefined));
  return {
    site,
    materials,
    rows,
    facts: {
      old,
      next,
      oldRow: rowOf(old.name),
      nextRow: rowOf(next?.name),
      unfinished: isOver ? undefined : before?.name,
      trust: trustOf(old, next),
      nowMs: systemClock.nowMs(),
    },
  };
}

/**
 * A log is its key and its origin: what the configuration says of another one of that name, prepared once more on this machine, must
 * never be published.
 */
function refuseOther(
  log: LogFile | undefined,
  row: LogOverview | undefined,
  { site, materials }: Pick<RotationGround, 'site' | 'materials'>,
): void {
  if (log === undefined || row === undefined) return;
  const { config } = site;
  const remedy = 'take key file and section from the machine where it was made';
  if (Buffer.compare(row.keySpki, spkiOf(materials, log)) !== 0) {
    throw new Failure(`log ${log.name} in the database has another key than ${config.resolve(log.keyFile)}: ${remedy}`);
  }
  const { hostname } = new URL(log.publicUrl);
  if (log.kind !== 'rekor-v2' || row.origin === hostname) return;
  throw new Failure(
    `log ${log.name} in the database has the origin ${row.origin}, and ${config.path} says ${hostname}: ${remedy}`,
  );
}

/** A key that is read from no file is nobody's. */
function spkiOf(materials: Materials, { name }: LogFile): Uint8Array {
  return materials.logs.get(name)?.signer.spki ?? new Uint8Array();
}

export function trustFacts(
  history: readonly PublishedModel[],
  oldSpki: Uint8Array,
  nextSpki: Uint8Array | undefined,
): TrustFacts {
  const isListed = (model: TrustModel): boolean =>
    nextSpki !== undefined && publishedLog(model, nextSpki) !== undefined;
  const isSwitched = (model: TrustModel): boolean =>
    nextSpki !== undefined &&
    isSigningLog(model, publishedLog(model, nextSpki)) &&
    !isSigningLog(model, publishedLog(model, oldSpki));
  const newest = history.at(-1)?.model;
  return {
    listedSinceMs: sinceOf(history, isListed),
    switchedSinceMs: sinceOf(history, isSwitched),
    endMs: publishedLog(newest, oldSpki)?.validFor.endMs,
  };
}

/** The first publication from which on all that were made have it. */
function sinceOf(history: readonly PublishedModel[], has: (model: TrustModel) => boolean): number | undefined {
  let since: number | undefined;
  for (const { model, publishedAtMs } of history.toReversed()) {
    if (!has(model)) break;
    since = publishedAtMs;
  }
  return since;
}
