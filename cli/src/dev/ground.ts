import { randomUUID } from 'node:crypto';
import { type Closables, createLogger, type Logger } from '@sigstead/platform';
import type { DevFlags } from '../flags/dev.ts';
import { Failure } from '../failure.ts';
import { databaseUrl, defaultDataDir, type UserContext } from '../user-dirs.ts';
import { type DataFolder, openDataFolder, openEphemeralFolder } from './data-folder.ts';
import { type Instance, readInstance } from './instance-file.ts';
import { holdPort, type HeldPort } from './port.ts';
import { prepareReadyFile, type ReadyFile } from './ready-file.ts';
import { loadSettings, publicUrlOn, type Settings } from './settings.ts';

export interface GroundIo {
  readonly user: UserContext;
  readonly writeError: (text: string) => void;
}

/** What is settled before anything is started: folder, settings, port, URL. */
export interface Ground {
  readonly folder: DataFolder;
  readonly instance: Instance;
  readonly isNew: boolean;
  readonly settings: Settings;
  readonly logger: Logger;
  readonly held: HeldPort;
  readonly heldMetrics: HeldPort;
  /** Where the Rekor log is served over gRPC, if it is. */
  readonly heldGrpc: HeldPort | undefined;
  readonly publicUrl: string;
  /** What the folder will remember of this start once it has succeeded. */
  readonly remembered: Pick<Instance, 'port' | 'publicUrl' | 'url' | 'ctLeafIndex'>;
  readonly origin: string;
  readonly readyFile: ReadyFile | undefined;
}

/** Settles it, or throws a Failure. What it opened belongs to `open`. */
export async function prepareGround(flags: DevFlags, io: GroundIo, open: Closables): Promise<Ground> {
  const folder = open.use(await openFolder(flags, io.user));
  // Only who holds the folder may take away the file of whoever held it before.
  const readyFile = flags.readyFile === undefined ? undefined : await prepareReadyFile(flags.readyFile);
  const found = await readInstance(folder.path);
  const settings = await loadSettings(folder.path, flags, found);
  const logger = createLogger({
    service: 'sigstead',
    level: settings.logLevel,
    stream: { write: (line) => io.writeError(line) },
  });
  const held = await holdPort({ host: settings.host, port: settings.port, flag: '--port' }, logger);
  open.defer(() => held.release());
  const metricsAt = { host: 'localhost', port: settings.metricsPort, flag: '--metrics-port' } as const;
  const heldMetrics = await holdPort(metricsAt, logger);
  open.defer(() => heldMetrics.release());
  const { host, grpcPort } = settings;
  const heldGrpc =
    grpcPort === undefined ? undefined : await holdPort({ host, port: grpcPort, flag: '--grpc-port' }, logger);
  open.defer(async () => heldGrpc?.release());
  const { url, remembered } = publicUrlOn(settings, held.port);
  const origin = new URL(url).hostname;
  if (found?.origin !== undefined && found.origin !== origin) {
    throw new Failure(
      `the log in ${folder.path} is named after its host ${found.origin} and cannot become ${origin}: keep that host in --public-url, or choose a new folder with --data`,
    );
  }
  return {
    folder,
    instance: found ?? newInstance(),
    isNew: found === undefined,
    settings,
    logger,
    held,
    heldMetrics,
    heldGrpc,
    publicUrl: url,
    remembered: {
      port: held.port,
      url,
      ...(remembered === undefined ? {} : { publicUrl: remembered }),
      ...(settings.ctLeafIndex ? { ctLeafIndex: true } : {}),
    },
    origin,
    readyFile,
  };
}

/** As root, PostgreSQL runs under another account: unless the database is elsewhere, that account passes through. */
function openFolder(flags: DevFlags, user: UserContext): Promise<DataFolder> {
  const shared = user.uid === 0 && databaseUrl(user) === undefined;
  if (flags.ephemeral) return openEphemeralFolder(shared);
  return openDataFolder({ dir: flags.data ?? defaultDataDir(user), shared });
}

/** Certificates count whole seconds, so the instance's first one does too. */
function newInstance(): Instance {
  const createdMs = Math.floor(Date.now() / 1000) * 1000;
  return { format: 1, id: randomUUID(), createdMs, databaseBound: false, selfTested: false };
}
