import { hash } from 'node:crypto';
import { type ParsedCertificate, parseCertificate, type Sct } from '@sigstead/formats';
import { createTreeHasher } from '@sigstead/merkle';
import { Closables, migrate, openPool, type Pool, type Routes } from '@sigstead/platform';
import { IssuerLinks } from './core/ct/issuer-links.ts';
import { type CtPersonality, ctPersonality } from './core/ct/personality.ts';
import { LogError } from './core/errors.ts';
import type { FsckReport } from './core/fsck.ts';
import type { LifeState } from './core/life.ts';
import { type RekorV2Personality, rekorV2Personality } from './core/rekor-v2/personality.ts';
import { addChain, type CtLog, ctRoutes } from './http/ct.ts';
import { registerHealth } from './http/health.ts';
import { rekorV2Routes } from './http/rekor-v2.ts';
import type { Exporter } from './export/exporter.ts';
import type { ObjectStore } from './export/object-store.ts';
import type { StateChange } from './life/change-state.ts';
import { findOrCreate, sweepMark } from './create-log.ts';
import { WATCH_MS } from './life/watch.ts';
import { engineMetrics } from './metrics.ts';
import { fsckStored, type StoredFsckOptions } from './fsck-stored.ts';
import type { LogStore } from './core/ports.ts';
import { openExport } from './open-export.ts';
import { type OpenLog, openLog } from './open-log.ts';
import { type OpenMark, openMark } from './open-mark.ts';
import { openScrub } from './open-scrub.ts';
import type { LogOptions, LogSpec } from './options.ts';
import type { Archive } from './read/archive.ts';
import { LOAD_LIMITS, LoadGate } from './read/load-gate.ts';
import { PostgresLease } from './store/lease.ts';
import { unsafeSettings } from './store/logs.ts';
import { MIGRATIONS, SCHEMA } from './store/migrations.ts';
import { checkSpecs, misconfigured, prefixesOf } from './specs.ts';
import { postgresStore, publicReads } from './store/postgres-store.ts';
import { sha256 } from './sha256.ts';

/** What a CA needs of a CT log; an HTTP client of any log has the same shape. */
export interface CtClient {
  /** DER certificates, the precertificate first. Resolves once the entry is in the signed tree. */
  addPreChain(chain: readonly Uint8Array[], signal?: AbortSignal): Promise<Sct>;
}

export interface LogStats {
  name: string;
  size: number;
  /** Hex. */
  root: string;
  queued: number;
  /** Why the log is read-only, if it has stopped by itself. */
  haltedBy: string | undefined;
  /** What the database was last seen to say. */
  state: LifeState;
}

export interface LogHandle {
  routes: Routes;
  ready(): Promise<{ ok: boolean; detail?: string }>;
  close(): Promise<void>;
  /** Throws `misconfigured` when there is no such log of that kind. */
  ct(name: string): CtClient & { logId: Uint8Array };
  rekorV2(name: string): { keyId: Uint8Array; origin: string; checkpoint(): Uint8Array };
  stats(): LogStats[];
  /**
   * Makes the log active, read-only or, for ever, frozen, for all processes. When it resolves, none will accept an entry
   * that the state forbids. Not for a process that serves. Throws LogError `halted`, `misconfigured`, `unavailable`.
   */
  changeState(name: string, state: LifeState): Promise<StateChange>;
  /** Derives the whole log again and compares. Reads everything. */
  fsck(name: string): Promise<FsckReport>;
}

type Running = {
  spec: LogSpec;
  log: OpenLog;
  marks: OpenMark;
  exporter: Exporter | undefined;
  openStore: () => LogStore;
  fsck: (options?: Partial<StoredFsckOptions>) => Promise<FsckReport>;
} & ({ kind: 'rekor-v2'; personality: RekorV2Personality } | { kind: 'ct'; personality: CtPersonality; ct: CtLog });

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
      ? ctPersonality({ signer: spec.signer, sha256 })
      : rekorV2Personality({ origin: spec.origin, signer: spec.signer });
  const roots = acceptedRootsOf(spec);
  const marks = openMark(spec, { key: keyName(spec), clock: options.clock });
  const mark = marks.store;
  const logId = await findOrCreate({ pool, spec, personality, mark, hasher, nowMs: options.clock.nowMs() });
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
  const log = await openLog({
    name: spec.name,
    watchMs: WATCH_MS,
    hasher,
    personality,
    clock,
    store: openStore(),
    logger,
    metrics: engineMetrics(metrics, spec.name),
    onPublished: () => exporter?.tell(),
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
    openStore,
    fsck: (other: Partial<StoredFsckOptions> = {}) => fsckStored({ pool, logId, personality, ...other }),
  };
  if (personality.kind === 'rekor-v2') return { ...own, kind: 'rekor-v2', personality };
  const signatures = new IssuerLinks(sha256);
  const ct = { log, personality, roots, signatures, sha256, readOnly: spec.readOnly ?? false };
  return { ...own, kind: 'ct', personality, ct };
}

function acceptedRootsOf(spec: LogSpec): ParsedCertificate[] {
  return (spec.acceptedRoots ?? []).map((der, i) => {
    try {
      return parseCertificate(der);
    } catch (error) {
      throw misconfigured(`accepted root ${i} of log "${spec.name}" does not parse: ${String(error)}`);
    }
  });
}

function keyName(spec: LogSpec): string {
  return Buffer.from(sha256(spec.signer.spki)).toString('hex');
}

function handleOf(running: readonly Running[], options: LogOptions & { pool: Pool }, owned: Closables): LogHandle {
  const find = (name: string): Running => {
    const one = running.find(({ spec }) => spec.name === name);
    if (one === undefined) throw misconfigured(`no log "${name}" runs here`);
    return one;
  };
  return {
    routes: async (app) => {
      if (options.health === true) registerHealth(app);
      for (const one of running) await app.register(routesOf(one, options));
    },
    ready: () => readiness(running, options),
    close: () => owned.close(),
    ct(name) {
      const one = find(name);
      if (one.kind !== 'ct') throw misconfigured(`log "${name}" is no CT log`);
      return {
        logId: one.personality.logId,
        addPreChain: (chain, signal) => addChain(one.ct, chain, 'precert', signal),
      };
    },
    rekorV2(name) {
      const one = find(name);
      if (one.kind !== 'rekor-v2') throw misconfigured(`log "${name}" is no Rekor v2 log`);
      const { personality, spec, log } = one;
      return { keyId: personality.keyId, origin: spec.origin, checkpoint: () => log.tree.published.head.note };
    },
    stats: () => running.map(statsOf),
    changeState: (name, state) => find(name).log.changeState(state),
    fsck: (name) => find(name).fsck(),
  };
}

function routesOf(one: Running, options: LogOptions): Routes {
  const { clock, metrics } = options;
  const logger = options.logger.child({ log: one.spec.name });
  if (one.kind === 'ct') {
    return async (app) => {
      for (const prefix of prefixesOf(one.spec)) await app.register(ctRoutes(one.ct, { prefix, clock, logger }));
    };
  }
  return rekorV2Routes({
    log: one.log,
    keyId: one.personality.keyId,
    rules: { digest: (name, data) => hash(name, data, 'buffer'), leafHash: (leaf) => hasher.leaf(leaf) },
    readOnly: one.spec.readOnly ?? false,
    clock,
    logger,
    metrics,
    readPrefixes: prefixesOf(one.spec),
  });
}

async function readiness(
  running: readonly Running[],
  { pool, requireDurableDatabase = false }: LogOptions & { pool: Pool },
): Promise<{ ok: boolean; detail?: string }> {
  for (const { spec, log } of running) {
    const reason = log.tree.haltedBy?.detail;
    if (reason !== undefined) return { ok: false, detail: `${spec.name}: ${reason}; nothing is signed any more` };
    const trouble = log.trouble();
    if (trouble !== undefined) return { ok: false, detail: `${spec.name}: ${trouble}` };
    try {
      await log.store.peek({ size: 0 });
    } catch {
      return { ok: false, detail: `${spec.name}: the database does not answer` };
    }
  }
  // Reads go on; entries are refused until the settings are changed back.
  const unsafe = requireDurableDatabase ? await unsafeSettings(pool).catch(() => undefined) : undefined;
  if (unsafe !== undefined) return { ok: false, detail: `the database cannot be trusted with entries: ${unsafe}` };
  return { ok: true };
}

function statsOf({ spec, log }: Running): LogStats {
  const { head } = log.tree.known;
  return {
    name: spec.name,
    size: head.size,
    root: Buffer.from(head.root).toString('hex'),
    queued: log.sequencer.queued,
    haltedBy: log.tree.haltedBy?.detail,
    state: log.tree.state,
  };
}
