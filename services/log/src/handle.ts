import type { Sct } from '@sigstead/formats';
import type { Closables, GrpcFile, HealthCheck, Pool, Routes } from '@sigstead/platform';
import type { CtPersonality } from './core/ct/personality.ts';
import { LogError } from './core/errors.ts';
import type { FsckReport } from './core/fsck.ts';
import type { LifeState } from './core/life.ts';
import type { LogStore } from './core/ports.ts';
import type { RekorV2Personality } from './core/rekor-v2/personality.ts';
import type { Exporter } from './export/exporter.ts';
import type { StoredFsckOptions } from './fsck-stored.ts';
import { REKOR_SERVICE, rekorV2Files } from './grpc/rekor-v2.ts';
import type { CtDesk } from './ct/desk.ts';
import { ctRoutes } from './http/ct.ts';
import { registerHealth } from './http/health.ts';
import { rekorV2Routes } from './http/rekor-v2.ts';
import { SEARCH_PATH, searchRoutes } from './http/search.ts';
import type { StateChange } from './life/change-state.ts';
import type { EntryDesk } from './rekor-v2/create-entry.ts';
import type { OpenLog } from './open-log.ts';
import type { OpenMark } from './open-mark.ts';
import type { LogOptions, LogSpec } from './options.ts';
import type { Searcher } from './search/searcher.ts';
import { sha256 } from './sha256.ts';
import { basePathsOf, misconfigured } from './specs.ts';
import { unsafeSettings } from './store/logs.ts';
import type { WitnessLoop } from './witness/loop.ts';

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
  /** What a gRPC server of one Rekor v2 log serves. Throws `misconfigured` when there is no such log. */
  grpc(name: string): { files: GrpcFile[]; health: HealthCheck };
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

/** One log as it was opened, with what belongs to it alone. */
export type Running = {
  spec: LogSpec;
  log: OpenLog;
  marks: OpenMark;
  exporter: Exporter | undefined;
  witnessing: WitnessLoop | undefined;
  openStore: () => LogStore;
  fsck: (options?: Partial<StoredFsckOptions>) => Promise<FsckReport>;
} & (
  | { kind: 'rekor-v2'; personality: RekorV2Personality; desk: EntryDesk; searcher: Searcher | undefined }
  | { kind: 'ct'; personality: CtPersonality; ct: CtDesk }
);

/** What the owner of the logs gets to work with. */
export function handleOf(
  running: readonly Running[],
  options: LogOptions & { pool: Pool },
  owned: Closables,
): LogHandle {
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
        addPreChain: (chain, signal) => one.ct.addChain(chain, 'precert', signal),
      };
    },
    grpc(name) {
      const one = find(name);
      if (one.kind !== 'rekor-v2') throw misconfigured(`log "${name}" is no Rekor v2 log`);
      const { clock, metrics } = options;
      const ready = async (): Promise<boolean> => (await readiness([one], options)).ok;
      return { files: rekorV2Files({ ...one, clock, metrics }), health: { service: REKOR_SERVICE, ready } };
    },
    rekorV2(name) {
      const one = find(name);
      if (one.kind !== 'rekor-v2') throw misconfigured(`log "${name}" is no Rekor v2 log`);
      const { personality, spec, log } = one;
      return { keyId: personality.keyId, origin: spec.origin, checkpoint: () => shownNote(log) };
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
      for (const prefix of basePathsOf(one.spec)) await app.register(ctRoutes(one.ct, { prefix, logger }));
    };
  }
  const basePaths = basePathsOf(one.spec);
  const rekor = rekorV2Routes({
    log: one.log,
    desk: one.desk,
    clock,
    logger,
    metrics,
    basePaths,
  });
  const { searcher, personality, spec } = one;
  const search = { searcher, keyId: personality.keyId, sha256, log: spec.name, logger, metrics };
  return async (app) => {
    await app.register(rekor);
    for (const base of basePaths) await app.register(searchRoutes({ ...search, path: `${base}${SEARCH_PATH}` }));
  };
}

async function readiness(
  running: readonly Running[],
  { pool, requireDurableDatabase = false }: LogOptions & { pool: Pool },
): Promise<{ ok: boolean; detail?: string }> {
  for (const { spec, log } of running) {
    const reason = log.tree.haltedBy?.detail;
    if (reason !== undefined) return { ok: false, detail: `${spec.name}: ${reason}; nothing is signed any more` };
    const trouble = log.trouble() ?? log.publication.trouble();
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

function shownNote({ publication }: OpenLog): Uint8Array {
  const { shown } = publication;
  if (shown === undefined) throw new LogError('unavailable', 'no checkpoint has been witnessed yet');
  return shown.head.note;
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
