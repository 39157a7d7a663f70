import { createTreeHasher } from '@sigstead/merkle';
import type { Logger, Pool } from '@sigstead/platform';
import { type CtPersonality, ctPersonality } from './core/ct/personality.ts';
import { LogError } from './core/errors.ts';
import type { LogStore } from './core/ports.ts';
import { type RekorV2Personality, rekorV2Personality } from './core/rekor-v2/personality.ts';
import { findOrCreate, sweepMark } from './create-log.ts';
import type { Exporter } from './export/exporter.ts';
import type { ObjectStore } from './export/object-store.ts';
import { fsckStored, type StoredFsckOptions } from './fsck-stored.ts';
import type { Running } from './handle.ts';
import { WATCH_MS } from './life/watch.ts';
import { engineMetrics } from './metrics.ts';
import { openCt } from './open-ct.ts';
import { openDesk } from './open-desk.ts';
import { openExport } from './open-export.ts';
import { type OpenLog, openLog, type OpenLogOptions } from './open-log.ts';
import { type OpenMark, openMark } from './open-mark.ts';
import { openSearch } from './open-search.ts';
import { checkUnwitnessed, openWitnessing } from './open-witness.ts';
import type { LogOptions, LogSpec } from './options.ts';
import type { Archive } from './read/archive.ts';
import type { LoadGate } from './read/load-gate.ts';
import { sha256 } from './sha256.ts';
import { misconfigured } from './specs.ts';
import { PostgresLease } from './store/lease.ts';
import { postgresStore, publicReads } from './store/postgres-store.ts';
import type { WitnessLoop } from './witness/loop.ts';

/** What readers get of the database, and no more: sequencing never waits behind them, nor they behind it. */
export interface Reading {
  pool: Pool;
  gate: LoadGate;
}

/** What the logs of one handle share; none of them owns it. */
export interface Shared {
  pool: Pool;
  reading: Reading;
  options: LogOptions;
}

/** A log that was found in the database, or made there, and what it is opened with. */
interface Found {
  spec: LogSpec;
  logId: number;
  personality: CtPersonality | RekorV2Personality;
  marks: OpenMark;
  logger: Logger;
  openStore: () => LogStore;
}

const hasher = createTreeHasher(sha256);

/** Opens one log; nothing that belongs to it alone has begun to work by itself. Throws as composeLog(). */
export async function openOne(spec: LogSpec, shared: Shared): Promise<Running> {
  const { pool, reading, options } = shared;
  const { clock, metrics } = options;
  const found = await find(spec, shared);
  const { logId, personality, marks, logger, openStore } = found;
  const { log, exporter, witnessing } = await openEngine(found, shared);
  const fsck = (other: Partial<StoredFsckOptions> = {}): ReturnType<typeof fsckStored> =>
    fsckStored({ pool, logId, personality, ...other });
  const own = { spec, log, marks, exporter, witnessing, openStore, fsck };
  if (personality.kind === 'rekor-v2') {
    const desk = openDesk({ spec, log, personality, logger, metrics });
    const searcher = openSearch({ spec, log, logId, pool: reading.pool, clock });
    return { ...own, kind: 'rekor-v2', personality, desk, searcher };
  }
  const ct = await openCt({ spec, log, personality, logId, pool, reading, clock, logger, metrics }).catch(
    async (error: unknown) => {
      await log.close();
      marks.close();
      throw error;
    },
  );
  return { ...own, kind: 'ct', personality, ct };
}

async function find(spec: LogSpec, { pool, options }: Shared): Promise<Found> {
  const { connectionString, clock, sessions, requireDurableDatabase: durable = false } = options;
  const personality =
    spec.kind === 'ct'
      ? ctPersonality({ signer: spec.signer, sha256, leafIndex: spec.leafIndex ?? false })
      : rekorV2Personality(spec);
  const marks = openMark(spec, { key: keyName(spec), clock });
  const logId = await findOrCreate({ pool, spec, personality, mark: marks.store, hasher, nowMs: clock.nowMs() });
  if (spec.witness === undefined && spec.hidden !== true) await checkUnwitnessed(pool, logId, spec.name);
  const logger = options.logger.child({ log: spec.name });
  await sweepMark(marks.file, logger);
  const limits = sessions === undefined ? {} : { limits: sessions };
  const openStore = (): LogStore => postgresStore({ connectionString, pool, logId, durable, ...limits });
  return { spec, logId, personality, marks, logger, openStore };
}

/** The log, who asks its witnesses, and who exports it: each tells the next one that there is something new. */
async function openEngine(
  found: Found,
  shared: Shared,
): Promise<{ log: OpenLog; exporter: Exporter | undefined; witnessing: WitnessLoop | undefined }> {
  const { spec, logId, personality, logger } = found;
  const { options, pool, reading } = shared;
  const { connectionString, clock, metrics } = options;
  let exporter: Exporter | undefined;
  let copy: ObjectStore | undefined;
  const archive: Archive = { get: async (path, maxBytes) => (await copy?.get(path, maxBytes))?.bytes };
  const onShown = (): void => exporter?.tell();
  const witnessing = openWitnessing({ spec, logId, pool, personality, hasher, logger, options, onShown });
  const log = await openLog({
    ...engineOptions(found, options),
    onPublished: () => (witnessing?.loop() ?? exporter)?.tell(),
    ...(witnessing === undefined ? {} : { publication: witnessing.publication }),
    reads: {
      store: publicReads(reading.pool, logId),
      gate: reading.gate,
      metrics,
      ...(spec.export === undefined ? {} : { archive }),
    },
  }).catch((error: unknown) => {
    if (!(error instanceof LogError) || error.code !== 'misconfigured') throw error;
    throw misconfigured(`log "${spec.name}": ${error.message}`);
  });
  if (spec.export !== undefined) {
    const onTarget = (opened: ObjectStore): void => {
      copy = opened;
    };
    const lease = new PostgresLease(connectionString);
    exporter = openExport({ log, target: spec.export, personality, lease, clock, logger, metrics, onTarget });
  }
  return { log, exporter, witnessing: witnessing?.loop() };
}

/** What is set for the log alone. */
function engineOptions({ spec, personality, marks, logger, openStore }: Found, options: LogOptions): OpenLogOptions {
  const { clock, cacheBytes, queue, checkpointAgeMs } = options;
  const mark = marks.store;
  return {
    name: spec.name,
    watchMs: WATCH_MS,
    hasher,
    personality,
    clock,
    store: openStore(),
    logger,
    metrics: engineMetrics(options.metrics, spec.name),
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
    ...(checkpointAgeMs === undefined ? {} : { checkpointAgeMs }),
    ...(queue === undefined ? {} : { limits: queue }),
    ...(mark === undefined ? {} : { mark }),
    ...(spec.newMark === undefined ? {} : { newMark: spec.newMark }),
  };
}

function keyName(spec: LogSpec): string {
  return Buffer.from(sha256(spec.signer.spki)).toString('hex');
}
