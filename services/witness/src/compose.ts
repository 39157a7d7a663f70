import { Closables, type Clock, type Logger, type Metrics, type Routes } from '@sigstead/platform';
import type { Signer } from '@sigstead/keys';
import { Cosigner } from './core/cosigner.ts';
import { WitnessSetupError } from './core/errors.ts';
import { type LogSpec, logVerifiers } from './core/known-log.ts';
import { createRoutes } from './http/routes.ts';
import { createWitnessMetrics } from './metrics.ts';
import { type StateFiles, systemStateFiles } from './store/files.ts';
import { FolderLogStore, originHash } from './store/log-store.ts';
import { initStateFolder, isStateFolder, openStateFolder } from './store/state-folder.ts';
import { Witness } from './work/witness.ts';
import { WitnessedLog } from './work/witnessed-log.ts';

/** Whose state, and where. */
export interface WitnessState {
  /** The witness's name: a URL without scheme, by custom. */
  readonly name: string;
  /** Ed25519. */
  readonly signer: Signer;
  /** Absolute; on a local file system. */
  readonly stateFolder: string;
  /** Absolute; keeps how far each log was cosigned a second time, best on another volume. */
  readonly markFolder?: string;
  /** Default: the file system. */
  readonly files?: StateFiles;
}

export interface WitnessOptions extends WitnessState {
  /** One entry for each origin. */
  readonly logs: readonly LogSpec[];
  /** Path below which both prefixes are: empty (default), or like `/w1`. */
  readonly prefix?: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Seconds the clock may be behind the latest cosignature of a log before nothing is cosigned. Default 60. */
  readonly maxClockBehindSec?: number;
  /** Requests that may be open at once, slow ones included. Default 1024. */
  readonly maxOpen?: number;
}

export interface WitnessHandle {
  readonly routes: Routes;
  /** name+id+key, of type 4 */
  readonly vkey: string;
  ready(): Promise<{ ok: boolean; detail?: string }>;
  /** Waits for what is under way, then gives the state back. Close the HTTP server first. */
  close(): Promise<void>;
}

/** A witness has so many logs at most: each costs a few files and some memory. */
export const MAX_LOGS = 1000;

/** Makes the state of a new witness, or adds what is missing; says whether anything was new. Throws WitnessSetupError. */
export async function initWitness({ name, signer, stateFolder, ...where }: WitnessState): Promise<boolean> {
  const { vkey } = new Cosigner({ name, signer });
  return initStateFolder({ files: systemStateFiles, ...where, folder: stateFolder, vkey });
}

/** Whether a folder is the state of some witness. Rejects with the file system's error. */
export function isWitnessState(folder: string): Promise<boolean> {
  return isStateFolder(systemStateFiles, folder);
}

/** The verifier key of a witness. Throws WitnessSetupError `key_unusable`. */
export function witnessVkey(witness: Pick<WitnessState, 'name' | 'signer'>): string {
  return new Cosigner(witness).vkey;
}

/** Opens the state and looks at every log in it; it opens no listener. Throws WitnessSetupError. */
export async function composeWitness(options: WitnessOptions): Promise<WitnessHandle> {
  const { files = systemStateFiles, stateFolder, markFolder, logger } = options;
  const cosigner = new Cosigner(options);
  const marks = markFolder === undefined ? {} : { markFolder };
  const metrics = createWitnessMetrics(options.metrics);
  const checked = checkLogs(options.logs);
  const closables = new Closables();
  const state = await openStateFolder({ files, folder: stateFolder, ...marks, vkey: cosigner.vkey });
  closables.defer(() => state.close());
  const logs = checked.map(({ origin, verifiers }) => {
    const store = new FolderLogStore({ files, folder: stateFolder, ...marks, origin });
    const { clock, maxClockBehindSec = 60 } = options;
    return new WitnessedLog({ origin, verifiers, cosigner, store, clock, logger, metrics, maxClockBehindSec });
  });
  const byHash = new Map(logs.map((log) => [originHash(log.origin), log]));
  const witness = new Witness({ logs: byHash, hashOf: originHash, logger, metrics });
  closables.defer(() => witness.idle());
  await lookAtAll(logs, logger);
  return {
    routes: createRoutes({ witness, prefix: options.prefix ?? '', maxOpen: options.maxOpen ?? 1024 }),
    vkey: cosigner.vkey,
    ready: async () => readiness(witness),
    close: () => closables.close(),
  };
}

function checkLogs(logs: readonly LogSpec[]): { origin: string; verifiers: ReturnType<typeof logVerifiers> }[] {
  if (logs.length > MAX_LOGS)
    throw new WitnessSetupError('logs_contradict', `${logs.length} logs: ${MAX_LOGS} at most`);
  const origins = new Set(logs.map(({ origin }) => origin));
  if (origins.size < logs.length) throw new WitnessSetupError('logs_contradict', 'two logs have one origin');
  const ctKeys = logs.flatMap(({ keys }) => keys.filter(({ type }) => type === 'rfc6962'));
  if (new Set(ctKeys.map(({ key }) => Buffer.from(key.spki).toString('hex'))).size < ctKeys.length) {
    // Such a signature covers no origin: what one of them has signed would be cosigned for the other.
    throw new WitnessSetupError(
      'logs_contradict',
      'two logs have one RFC 6962 key: nothing in its signatures says whose',
    );
  }
  return logs.map((log) => ({ origin: log.origin, verifiers: logVerifiers(log) }));
}

/** What is wrong with one log is found at the start, and does not keep the others from being cosigned. */
async function lookAtAll(logs: readonly WitnessedLog[], logger: Logger): Promise<void> {
  for (const log of logs) {
    await log
      .latest()
      .catch((error: unknown) => logger.error({ log: log.origin, error }, 'the state of a log is not usable'));
  }
}

function readiness(witness: Witness): { ok: boolean; detail?: string } {
  const halted = witness.halted();
  if (halted.length === 0) return { ok: true };
  return { ok: false, detail: halted.map(({ origin, reason }) => `${origin}: ${reason}`).join('; ') };
}
