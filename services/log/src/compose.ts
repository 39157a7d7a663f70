import { createTreeHasher } from '@sigstead/merkle';
import { Closables, migrate, openPool, type Pool } from '@sigstead/platform';
import { ctPersonality } from './core/ct/personality.ts';
import { LogError } from './core/errors.ts';
import { rekorV2Personality } from './core/rekor-v2/personality.ts';
import type { Exporter } from './export/exporter.ts';
import type { ObjectStore } from './export/object-store.ts';
import { findOrCreate, sweepMark } from './create-log.ts';
import { WATCH_MS } from './life/watch.ts';
import { engineMetrics } from './metrics.ts';
import { fsckStored, type StoredFsckOptions } from './fsck-stored.ts';
import type { LogStore } from './core/ports.ts';
import { handleOf, type LogHandle, type Running } from './handle.ts';
import { openCt } from './open-ct.ts';
import { openDesk } from './open-desk.ts';
import { openExport } from './open-export.ts';
import { openLog } from './open-log.ts';
import { openMark } from './open-mark.ts';
import { openScrub } from './open-scrub.ts';
import { checkUnwitnessed, openWitnessing } from './open-witness.ts';
import { openSearch } from './open-search.ts';
import type { LogOptions, LogSpec } from './options.ts';
import type { Archive } from './read/archive.ts';
import { LOAD_LIMITS, LoadGate } from './read/load-gate.ts';
import { PostgresLease } from './store/lease.ts';
import { unsafeSettings } from './store/logs.ts';
import { MIGRATIONS, SCHEMA } from './store/migrations.ts';
import { checkSpecs, misconfigured } from './specs.ts';
import { postgresStore, publicReads } from './store/postgres-store.ts';
import { sha256 } from './sha256.ts';

/** For looking whether others appended, taking over what they did, and health. Readers have none of them. */
const FOLLOWING_CONNECTIONS = 4;

/** What readers get of the database, and no more: sequencing never waits behind them, nor they behind it. */
interface Reading {
  pool: Pool;
  gate: LoadGate;
}

function openReading({ connectionString, logger, readConnections = 8 }: LogOptions): Reading {
  const pool = openPool({
    connectionString,
    logger,
    max: readConnections,
    applicationName: 'sigstead-log-reads',
    connectTimeoutMs: 2000,
    statementTimeoutMs: 4000,
    settings: { idle_in_transaction_session_timeout: '10s' },
  });
  return { pool, gate: new LoadGate({ ...LOAD_LIMITS, running: readConnections }) };
}

const hasher = createTreeHasher(sha256);

/** Opens every log that is named, over one database. Opens no listener. Throws LogError, StoreError, DatabaseError. */
export async function composeLog(options: LogOptions): Promise<LogHandle> {
  checkSpecs(options.logs);
  const owned = new Closables();
  try {
    const pool = openPool({
      connectionString: options.connectionString,
      logger: options.logger,
      max: FOLLOWING_CONNECTIONS,
      applicationName: 'sigstead-log',
      settings: { idle_in_transaction_session_timeout: '10s' },
    });
    owned.defer(() => pool.end());
    await migrate({ pool, schema: SCHEMA, migrations: MIGRATIONS });
    await checkDurability(pool, options);
    const reading = openReading(options);
    owned.defer(() => reading.pool.end());
    const running: Running[] = [];
    for (const spec of options.logs) {
      const one = await openOne(pool, spec, options, reading);
      owned.defer(() => one.marks.close());
      owned.use(one.log);
      if (one.witnessing !== undefined) owned.use(one.witnessing).start();
      if (one.kind === 'ct') owned.use(one.ct.roots);
      if (one.exporter !== undefined) owned.use(one.exporter).start();
      running.push(one);
    }
    if (options.scrub !== undefined) owned.use(openScrub({ ...options, logs: running, limits: options.scrub })).start();
    return handleOf(running, { ...options, pool }, owned);
  } catch (error) {
    await owned.close();
    throw error;
  }
}

async function checkDurability(pool: Pool, options: LogOptions): Promise<void> {
  const unsafe = await unsafeSettings(pool);
  if (unsafe === undefined) return;
  const text = `the database cannot be trusted with entries: ${unsafe}`;
  if (options.requireDurableDatabase === true) throw misconfigured(text);
  options.logger.error({}, text);
}

async function openOne(pool: Pool, spec: LogSpec, options: LogOptions, reading: Reading): Promise<Running> {
  const personality =
    spec.kind === 'ct'
      ? ctPersonality({ signer: spec.signer, sha256, leafIndex: spec.leafIndex ?? false })
      : rekorV2Personality(spec);
  const marks = openMark(spec, { key: keyName(spec), clock: options.clock });
  const mark = marks.store;
  const logId = await findOrCreate({ pool, spec, personality, mark, hasher, nowMs: options.clock.nowMs() });
  if (spec.witness === undefined && spec.hidden !== true) await checkUnwitnessed(pool, logId, spec.name);
  const { connectionString, clock, cacheBytes, queue, sessions, metrics } = options;
  const logger = options.logger.child({ log: spec.name });
  let exporter: Exporter | undefined;
  let copy: ObjectStore | undefined;
  const archive: Archive = { get: async (path, maxBytes) => (await copy?.get(path, maxBytes))?.bytes };
  await sweepMark(marks.file, logger);
  const openStore = (): LogStore =>
    postgresStore({
      connectionString,
      pool,
      logId,
      durable: options.requireDurableDatabase === true,
      ...(sessions === undefined ? {} : { limits: sessions }),
    });
  const onShown = (): void => exporter?.tell();
  const witnessing = openWitnessing({ spec, logId, pool, personality, hasher, logger, options, onShown });
  const log = await openLog({
    name: spec.name,
    watchMs: WATCH_MS,
    hasher,
    personality,
    clock,
    store: openStore(),
    logger,
    metrics: engineMetrics(metrics, spec.name),
    onPublished: () => (witnessing?.loop() ?? exporter)?.tell(),
    ...(witnessing === undefined ? {} : { publication: witnessing.publication }),
    reads: {
      store: publicReads(reading.pool, logId),
      gate: reading.gate,
      metrics,
      ...(spec.export === undefined ? {} : { archive }),
    },
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
    ...(options.checkpointAgeMs === undefined ? {} : { checkpointAgeMs: options.checkpointAgeMs }),
    ...(queue === undefined ? {} : { limits: queue }),
    ...(mark === undefined ? {} : { mark }),
    ...(spec.newMark === undefined ? {} : { newMark: spec.newMark }),
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
  const own = {
    spec,
    log,
    marks,
    exporter,
    witnessing: witnessing?.loop(),
    openStore,
    fsck: (other: Partial<StoredFsckOptions> = {}) => fsckStored({ pool, logId, personality, ...other }),
  };
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

function keyName(spec: LogSpec): string {
  return Buffer.from(sha256(spec.signer.spki)).toString('hex');
}
