import { createHash } from 'node:crypto';
import {
  buildClientTrustConfig,
  type ClientTrustConfigJson,
  refuseInternalUrls,
  type TrustModel,
  trustWarnings,
} from '@sigstead/formats';
import { Closables, type Clock, type Logger, type Metrics, migrate, openPool, type Routes } from '@sigstead/platform';
import { TufError } from './core/errors.ts';
import { ROLES, type RoleName } from './core/metadata.ts';
import { decodeModel } from './core/model-codec.ts';
import { checkPeriods, DEFAULT_PERIODS, type Periods } from './core/periods.ts';
import type { PublicationStore, Scheduler, TufMetrics } from './core/ports.ts';
import { PublishedView } from './core/published-view.ts';
import { newestRoot, roleStatus } from './core/published.ts';
import { signerSet, type Thresholds, type TufSigners } from './core/signers.ts';
import { ServedFiles } from './http/served-files.ts';
import { tufRoutes } from './http/routes.ts';
import { tufMetrics } from './metrics.ts';
import { type GivenModel, type ModelSource, publish, type PublishResult } from './publisher/publisher.ts';
import { Renewer } from './publisher/renewer.ts';
import { systemScheduler } from './publisher/system-scheduler.ts';
import { MIGRATIONS, SCHEMA } from './store/migrations.ts';
import { postgresStore } from './store/postgres-store.ts';

export interface TufRootOptions {
  /** PostgreSQL URL; tables live in schema `tuf`. */
  connection: {
    connectionString: string;
    max?: number;
    /** Refuses a server whose settings may lose what was published, on every connection. Default false. */
    requireDurable?: boolean;
  };
  logger: Logger;
  metrics: Metrics;
  clock: Clock;
  /** All trust material, past and present. At a restart it must hold every entry that was published. */
  model: GivenModel;
  signers: TufSigners;
  thresholds?: Thresholds;
  periods?: Partial<Periods>;
  /** Path of the tree on its host, without trailing slash. Default `/tuf`. */
  prefix?: string;
  /** URLs that only one network can reach: `warn` (default) logs them, `refuse` stops, `allow` is for development. */
  internalUrls?: 'warn' | 'refuse' | 'allow';
  /** Difference to the database's clock from which on it is an alarm. Default 10 minutes. */
  clockSkewLimitMs?: number;
  /** Longest time between two looks at what is due, in milliseconds. Default one hour. */
  lookEveryMs?: number;
  scheduler?: Scheduler;
}

/** One root file with its SHA-256 in hexadecimal. */
export interface RootFile {
  version: number;
  bytes: Uint8Array;
  sha256hex: string;
}

export interface TufRootHandle {
  routes: Routes;
  ready(): Promise<{ ok: boolean; detail?: string }>;
  close(): Promise<void>;
  /** The newest root: what `root.json` serves. */
  rootJson(): RootFile;
  /** The first root: what clients are initialised with; never changes. */
  initialRoot(): RootFile;
  /** Publishes a changed model: higher versions when its files change, nothing otherwise. Throws TrustError, TufError. */
  updateModel(model: GivenModel): Promise<PublishResult>;
  /** Trusted root and signing config of the published model in one document. */
  clientTrustConfig(): ClientTrustConfigJson;
  /** Published version and expiry of each role. */
  status(): Record<RoleName, { version: number; expiresMs: number }>;
  /** Renews at once what is due; for tests and operators. Never rejects. */
  renewNow(): Promise<void>;
}

const DEFAULT_SKEW_LIMIT_MS = 600_000;
const DEFAULT_LOOK_EVERY_MS = 3_600_000;

/**
 * The publisher over PostgreSQL: publishes `model` when it is new, then keeps the metadata fresh until it is closed. Opens no listener.
 * Throws TrustError, TufError and DatabaseError when the start cannot succeed; an existing publication then is as it was.
 */
export async function composeTufRoot(options: TufRootOptions): Promise<TufRootHandle> {
  const closables = new Closables();
  try {
    const { connectionString, max = 4, requireDurable: durable = false } = options.connection;
    const pool = openPool({
      connectionString,
      max,
      durable,
      logger: options.logger,
      applicationName: 'sigstead-tuf',
      statementTimeoutMs: 10_000,
      settings: { lock_timeout: '5s', idle_in_transaction_session_timeout: '5s' },
    });
    closables.defer(() => pool.end());
    await migrate({ pool, schema: SCHEMA, migrations: MIGRATIONS });
    return await composeWithStore({ ...options, store: postgresStore(pool), closables });
  } catch (error) {
    await closables.close();
    throw error;
  }
}

/** The same over any store; `closables` is closed with the handle. */
export async function composeWithStore(
  options: Omit<TufRootOptions, 'connection'> & { store: PublicationStore; closables: Closables },
): Promise<TufRootHandle> {
  const { store, clock, logger, closables } = options;
  const metrics = tufMetrics(options.metrics);
  const view = new PublishedView((metadata) => metrics.published(metadata));
  const periods = checkPeriods({ ...DEFAULT_PERIODS, ...options.periods });
  const ports = { store, clock, view, periods, signers: signerSet(options.signers, options.thresholds ?? {}) };
  const publishOne = oneAtATime(counted(metrics, (source: ModelSource) => publish(ports, source)));
  const renewer = new Renewer({
    clock,
    logger,
    metrics,
    periods,
    view,
    publish: publishOne,
    scheduler: options.scheduler ?? systemScheduler,
    clockSkewMs: async () => clock.nowMs() - (await store.clockMs()),
    clockSkewLimitMs: options.clockSkewLimitMs ?? DEFAULT_SKEW_LIMIT_MS,
    lookEveryMs: options.lookEveryMs ?? DEFAULT_LOOK_EVERY_MS,
  });
  const checked = (model: TrustModel): TrustModel => {
    reportWarnings(model, options.internalUrls ?? 'warn', logger);
    return model;
  };
  const updateModel = async (model: GivenModel): Promise<PublishResult> => {
    const derived =
      typeof model === 'function' ? (published?: TrustModel) => checked(model(published)) : checked(model);
    const result = await publishOne(derived);
    renewer.reportOverdue(result.overdue);
    return result;
  };
  await updateModel(options.model);
  await renewer.tick();
  closables.defer(() => renewer.close());
  return {
    routes: tufRoutes(new ServedFiles({ view, store, logger }), options.prefix ?? '/tuf'),
    ready: () => Promise.resolve(readiness(view, renewer, clock)),
    close: () => closables.close(),
    updateModel,
    renewNow: () => renewer.tick(),
    ...readers(view, clock),
  };
}

type Readers = Pick<TufRootHandle, 'rootJson' | 'initialRoot' | 'clientTrustConfig' | 'status'>;

function readers(view: PublishedView, clock: Clock): Readers {
  const need = (): NonNullable<PublishedView['set']> => {
    if (!view.set) throw new TufError('closed', 'nothing is published');
    return view.set;
  };
  return {
    rootJson: () => rootFile(newestRoot(need())),
    initialRoot: () => rootFile({ version: 1, bytes: need().roots[0]?.bytes ?? new Uint8Array() }),
    clientTrustConfig: () => {
      const { model, publishedAtMs } = need();
      return buildClientTrustConfig(decodeModel(model), { nowMs: Math.max(clock.nowMs(), publishedAtMs) });
    },
    status: () => {
      if (!view.metadata) throw new TufError('closed', 'nothing is published');
      return roleStatus(view.metadata);
    },
  };
}

function rootFile({ version, bytes }: { version: number; bytes: Uint8Array }): RootFile {
  return { version, bytes, sha256hex: createHash('sha256').update(bytes).digest('hex') };
}

/** Publications of one process wait for each other; several processes meet in the store. */
function oneAtATime<A, R>(action: (argument: A) => Promise<R>): (argument: A) => Promise<R> {
  let last: Promise<unknown> = Promise.resolve();
  return (argument) => {
    const next = last.then(() => action(argument));
    last = next.catch(() => undefined);
    return next;
  };
}

function counted(
  metrics: TufMetrics,
  action: (source: ModelSource) => Promise<PublishResult>,
): (source: ModelSource) => Promise<PublishResult> {
  return async (source) => {
    try {
      const result = await action(source);
      metrics.renewed(result.renewed);
      return result;
    } catch (error) {
      metrics.failed();
      throw error;
    }
  };
}

/** Not ready only when clients are cut off; anything that leads there is told while there is time. */
function readiness(view: PublishedView, renewer: Renewer, clock: Clock): { ok: boolean; detail?: string } {
  if (!view.metadata) return { ok: false, detail: 'nothing is published' };
  const status = roleStatus(view.metadata);
  const expired = ROLES.filter((role) => status[role].expiresMs <= clock.nowMs());
  if (expired.length > 0) return { ok: false, detail: `expired: ${expired.join(', ')}` };
  const problem = renewer.problem();
  return problem === undefined ? { ok: true } : { ok: true, detail: problem };
}

function reportWarnings(model: TrustModel, internalUrls: 'warn' | 'refuse' | 'allow', logger: Logger): void {
  if (internalUrls === 'allow') return;
  if (internalUrls === 'refuse') refuseInternalUrls(model);
  for (const { code, path, message } of trustWarnings(model)) logger.warn({ code, path }, message);
}
