import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  composeLog,
  type CtClient,
  type ExportTarget,
  type LogHandle,
  type LogOptions,
  type LogSpec,
} from '@sigstead/log';
import { type Closables, systemClock } from '@sigstead/platform';
import { Failure } from '../../failure.ts';
import { errno } from '../../files.ts';
import type { ServeConfig } from '../config/load.ts';
import type { LogFile } from '../config/sections.ts';
import { basePathOf } from '../config/shard-rules.ts';
import type { ListenAddress } from '../config/values.ts';
import { ctOrigin, ctSpec } from './ct-spec.ts';
import type { Materials } from './materials.ts';
import type { ComposeOptions } from './options.ts';
import { startStep } from './start-failure.ts';
import { witnessOf } from './witness.ts';

/** The logs behind one listener. */
export interface LogGroup {
  readonly listen: ListenAddress;
  readonly handle: LogHandle;
}

export interface RunningLogs {
  readonly groups: readonly LogGroup[];
  /** A ct log of this configuration. */
  ct(name: string): CtClient;
  /** The logs that are opened together with this one. */
  handleOf(name: string): LogHandle;
}

/** Opens every log of the configuration; those behind one listener together. `built` closes them. Throws a Failure. */
export async function composeLogs(options: ComposeOptions, built: Closables): Promise<RunningLogs> {
  const { config, materials } = options;
  const groups: LogGroup[] = [];
  const byName = new Map<string, LogHandle>();
  for (const logs of byListener(config.file.logs)) {
    const specs = logs.map((log) => ({
      ...logSpec(config, materials, log),
      ...exportOf(config, log),
      ...witnessOf(log, materials.logs.get(log.name)?.witnessPolicy),
    }));
    const handle = built.use(await openLogs(options, specs, scrubOf(config)));
    for (const { name } of logs) byName.set(name, handle);
    if (logs[0] !== undefined) groups.push({ listen: logs[0].listen, handle });
  }
  const handleOf = (name: string): LogHandle => {
    const handle = byName.get(name);
    if (handle === undefined) throw new Failure(`no log ${name} runs here`);
    return handle;
  };
  return { groups, handleOf, ct: (name) => handleOf(name).ct(name) };
}

/** Opens logs with the settings of the configuration. Throws a Failure. */
export function openLogs(
  options: ComposeOptions,
  logs: readonly LogSpec[],
  also: Pick<LogOptions, 'scrub'> = {},
): Promise<LogHandle> {
  const { config, connectionString = '', logger, metrics } = options;
  const { database } = config.file;
  return startStep('logs', config.path, () =>
    composeLog({
      connectionString,
      logger: logger.child({ part: 'log' }),
      metrics,
      clock: systemClock,
      logs,
      // Other processes answer at the same address: workers of this machine, or other machines behind one balancer.
      checkpointAgeMs: 0,
      requireDurableDatabase: database?.dangerouslyAllowUnsafeSettings !== true,
      ...(database === undefined ? {} : { readConnections: database.readConnections }),
      ...also,
    }),
  );
}

/** The scrub as the configuration has it; none at 0 MiB a second. */
function scrubOf({ file: { database } }: ServeConfig): Pick<LogOptions, 'scrub'> {
  if (database === undefined || database.scrubMiBPerSecond === 0) return {};
  const { scrubMiBPerSecond, scrubPauseMinutes } = database;
  return { scrub: { bytesPerSecond: scrubMiBPerSecond * 2 ** 20, pauseMs: scrubPauseMinutes * 60_000 } };
}

/** One log as the log service wants it; it is never made by serving it. */
export function logSpec(config: ServeConfig, materials: Materials, log: LogFile): LogSpec {
  const own = materials.logs.get(log.name);
  if (own === undefined) throw new TypeError(`no materials of log ${log.name}`);
  return {
    name: log.name,
    kind: log.kind,
    origin: log.kind === 'ct' ? ctOrigin(log) : new URL(log.publicUrl).hostname,
    signer: own.signer,
    readOnly: log.readOnly,
    ...marksOf(config, log.name),
    ...entryRules(log),
    ...(log.kind === 'ct'
      ? ctSpec(config, log, own.trustBundleCa)
      : { basePaths: [basePathOf(log)], alsoSign: own.alsoSign }),
  };
}

/** Which entries a Rekor v2 log takes, what it answers to those that it has already, and whether they are found again. */
function entryRules({
  duplicates,
  dsse,
  search,
  clientSigningAlgorithms,
}: LogFile): Pick<LogSpec, 'duplicates' | 'dsse' | 'search' | 'clientSigningAlgorithms'> {
  return {
    ...(duplicates === undefined ? {} : { duplicates }),
    ...(dsse === undefined ? {} : { dsse: dsse === 'on' }),
    ...(search === undefined ? {} : { search: search === 'on' }),
    ...(clientSigningAlgorithms === undefined ? {} : { clientSigningAlgorithms }),
  };
}

/** Where the marks of a log are. */
export function marksOf(config: ServeConfig, name: string): { markFile: string } & Pick<LogSpec, 'markPlace'> {
  return { markFile: join(stateFolderOf(config), `log-${name}`), ...markPlaceOf(config) };
}

function markPlaceOf({ file: { mark } }: ServeConfig): Pick<LogSpec, 'markPlace'> {
  if (mark === undefined) return {};
  const { bucket, region, prefix = '', endpoint, pathStyle } = mark.s3;
  return {
    markPlace: {
      bucket,
      region,
      prefix,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(pathStyle === undefined ? {} : { pathStyle }),
    },
  };
}

/** Where the log's tiles are copied to; the credentials of a bucket are found by the ways of the AWS SDK. */
function exportOf(config: ServeConfig, { export: to }: LogFile): { export?: ExportTarget } {
  if (to?.folder !== undefined) {
    return { export: { kind: 'directory', folder: config.resolve(to.folder), intervalMs: to.intervalMs } };
  }
  if (to?.bucket === undefined) return {};
  const { bucket, prefix = '', region = '', endpoint, pathStyle, intervalMs } = to;
  const place = { kind: 's3', bucket, prefix, region, intervalMs } as const;
  return {
    export: {
      ...place,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(pathStyle === undefined ? {} : { pathStyle }),
    },
  };
}

/** Absolute path of the state folder. */
export function stateFolderOf(config: ServeConfig): string {
  return config.resolve(config.file.stateFolder ?? '.');
}

/** Makes the state folder when there is none yet. Throws a Failure. */
export async function prepareStateFolder(config: ServeConfig): Promise<void> {
  if (config.file.stateFolder === undefined) return;
  const folder = stateFolderOf(config);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Failure(`stateFolder: cannot make ${folder} (${errno(error)}): choose another one, or make it writable`, {
      cause: error,
    });
  }
}

function byListener(logs: readonly LogFile[]): LogFile[][] {
  return [...Map.groupBy(logs, ({ listen }) => `${listen.host}:${listen.port}`).values()];
}
