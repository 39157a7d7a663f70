import type { Logger } from '@sigstead/platform';
import { chooseAccount, type Account } from './account.ts';
import { DATABASE_USER, prepareCluster } from './cluster.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { layoutOf, makeSocketFolder, prepareFolder, type Layout } from './folder.ts';
import { endServer, launch } from './launch.ts';
import { claim } from './owner.ts';
import { waitForOldPostmaster } from './postmaster.ts';
import { assertUsablePath, preparePrograms } from './programs.ts';
import type { Supervised } from './supervisor.ts';

export type ProgressStep = 'copying' | 'initdb' | 'waiting' | 'starting' | 'ready';

export interface EmbeddedPostgresOptions {
  /** A folder for PostgreSQL alone; made when missing. */
  dataDir: string;
  logger: Logger;
  /** `waiting` is for an earlier PostgreSQL that is still stopping. */
  onProgress?: (step: ProgressStep) => void;
  /** Server settings beside ours, such as `fsync` for throw-away databases. */
  settings?: Readonly<Record<string, string>>;
  /** Time until it accepts connections, recovery after a crash included. Default 120 000. */
  startTimeoutMs?: number;
}

export interface EmbeddedPostgres {
  /** As the only user, to the database `postgres`. */
  readonly connectionString: string;
  /** Of the postmaster. */
  readonly pid: number;
  /** Resolves, with the exit code, when PostgreSQL has ended for whatever reason. */
  readonly ended: Promise<number | null>;
  /** Fast shutdown: open transactions are rolled back. Resolves when it is gone. May be called more than once. */
  stop(): Promise<void>;
}

const DEFAULT_START_TIMEOUT_MS = 120_000;
/** An immediate shutdown comes after 5 s at the latest. */
const OLD_POSTMASTER_TIMEOUT_MS = 12_000;

/**
 * Starts a real PostgreSQL of its own on a Unix socket in `dataDir`. It ends with `stop()`, and within seconds when our
 * process ends in any other way. Durability is PostgreSQL's default.
 * @throws {EmbeddedPostgresError}
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const layout = layoutOf(options.dataDir);
  assertUsablePath(layout.root);
  const account = chooseAccount(layout.cluster);
  await prepareFolder(layout, account);
  const release = await claim(layout.owner, layout.root).catch(notWritable(layout));
  try {
    return await startClaimed(options, layout, account, release);
  } catch (error) {
    await release();
    throw error;
  }
}

async function startClaimed(
  options: EmbeddedPostgresOptions,
  layout: Layout,
  account: Account,
  release: () => Promise<void>,
): Promise<EmbeddedPostgres> {
  const progress = options.onProgress ?? (() => undefined);
  const programs = await preparePrograms(account, layout.programs, () => progress('copying'));
  await waitForOldPostmaster(layout.cluster, OLD_POSTMASTER_TIMEOUT_MS, () => progress('waiting'));
  await prepareCluster(layout, account, programs, () => progress('initdb'));
  progress('starting');
  const socket = await makeSocketFolder(layout, account);
  const command = [programs.postgres, '-D', layout.cluster, ...settingsArgs(socket.path, options.settings ?? {})];
  const timeoutMs = options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS;
  try {
    const { server, pid } = await launch({ layout, account, command, timeoutMs });
    progress('ready');
    options.logger.info({ pid, folder: layout.root, account: account.name }, 'PostgreSQL is ready');
    return handle(server, pid, connectionString(socket.path), async () => {
      await socket.remove();
      await release();
    });
  } catch (error) {
    await socket.remove();
    throw error;
  }
}

function handle(server: Supervised, pid: number, url: string, cleanUp: () => Promise<void>): EmbeddedPostgres {
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await endServer(server, pid);
    await cleanUp();
  };
  return {
    connectionString: url,
    pid,
    ended: server.ended,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** For a small machine; no TCP. Everything that makes a commit durable stays at PostgreSQL's default. */
function settingsArgs(socketFolder: string, extra: Readonly<Record<string, string>>): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '',
    port: '5432',
    // A list: quotes keep a comma in a folder's name from splitting it.
    unix_socket_directories: `"${socketFolder.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    shared_buffers: '128MB',
    max_connections: '60',
    log_destination: 'stderr',
    logging_collector: 'off',
    log_line_prefix: '%m [%p] ',
    ...extra,
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function connectionString(socketFolder: string): string {
  return `postgresql://${DATABASE_USER}@localhost/postgres?host=${encodeURIComponent(socketFolder)}&port=5432`;
}

function notWritable(layout: Layout): (error: unknown) => never {
  return (error) => {
    if (error instanceof EmbeddedPostgresError) throw error;
    const message = `cannot write to ${layout.root}: choose another folder with --data, or correct its owner`;
    throw new EmbeddedPostgresError('data_not_writable', message, error);
  };
}
