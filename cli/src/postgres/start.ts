import { chown, open, readFile, rename, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@sigstead/platform';
import { chooseAccount, type Account } from './account.ts';
import { DATABASE_USER, prepareCluster } from './cluster.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { layoutOf, makeSocketFolder, prepareFolder, type Layout } from './folder.ts';
import { claim, inUse, processExists } from './owner.ts';
import { readPidFile, signal, waitForOldPostmaster } from './postmaster.ts';
import { preparePrograms } from './programs.ts';
import { supervise, type Supervised } from './supervisor.ts';

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
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 10;
const MAX_LOG_BYTES = 10 * 2 ** 20;

/**
 * Starts a real PostgreSQL of its own on a Unix socket in `dataDir`. It ends with `stop()`, and within seconds when our
 * process ends in any other way. Durability is PostgreSQL's default.
 * @throws {EmbeddedPostgresError}
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const layout = layoutOf(options.dataDir);
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
  const logFrom = await rotateLog(layout.log);
  const log = await openLog(layout.log, account);
  const server = supervise(account, layout.root, command, log.fd);
  await log.close();
  const cleanUp = async (): Promise<void> => {
    await socket.remove();
    await release();
  };
  try {
    const pid = await untilReady(server, layout, logFrom, options.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS);
    progress('ready');
    options.logger.info({ pid, folder: layout.root, account: account.name }, 'PostgreSQL is ready');
    return handle(server, pid, connectionString(socket.path), cleanUp);
  } catch (error) {
    await endServer(server, undefined);
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

/** Fast shutdown, then an immediate one, whether or not the supervisor still lives. */
async function endServer(server: Supervised, pid: number | undefined): Promise<void> {
  server.hold();
  server.release();
  const timeout = new AbortController();
  const late = delay(STOP_TIMEOUT_MS, 'late' as const, { signal: timeout.signal }).catch(() => 'early' as const);
  const first = await Promise.race([server.ended.catch(() => null), late]);
  timeout.abort();
  if (pid === undefined) return;
  if (first === 'late') signal(pid, 'SIGQUIT');
  await untilGone(pid);
}

/** The supervisor may have been killed alone: then PostgreSQL is still there and must be told by us. */
async function untilGone(pid: number): Promise<void> {
  const startMs = performance.now();
  for (let asked = false; processExists(pid); asked = true) {
    if (!asked) signal(pid, 'SIGINT');
    if (performance.now() - startMs > STOP_TIMEOUT_MS) {
      throw new EmbeddedPostgresError('stop_failed', `PostgreSQL (process ${pid}) does not stop`);
    }
    await delay(POLL_MS);
  }
}

/** @returns the postmaster's pid once it accepts connections */
async function untilReady(server: Supervised, layout: Layout, logFrom: number, timeoutMs: number): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    if (!server.isRunning()) throw await explainEnd(layout, logFrom);
    const file = await readPidFile(layout.cluster);
    if (file?.state === 'ready') return file.pid;
    if (performance.now() - startMs > timeoutMs) {
      throw new EmbeddedPostgresError('start_failed', `PostgreSQL was not ready in ${timeoutMs} ms: see ${layout.log}`);
    }
    await delay(POLL_MS);
  }
}

async function explainEnd(layout: Layout, logFrom: number): Promise<EmbeddedPostgresError> {
  const text = (await readFile(layout.log)).subarray(logFrom).toString('utf8').slice(-16_384);
  if (/lock file "postmaster\.pid" already exists/.test(text)) {
    return inUse(layout.root, (await readPidFile(layout.cluster))?.pid);
  }
  const fatal = /(?:FATAL|PANIC): +(.*)/.exec(text)?.[1] ?? text.trim().split('\n').at(-1) ?? '';
  return new EmbeddedPostgresError('start_failed', `PostgreSQL did not start: ${fatal} (see ${layout.log})`);
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

/** Keeps one older log. @returns where this run's part begins */
async function rotateLog(path: string): Promise<number> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size <= MAX_LOG_BYTES) return size;
  await rename(path, `${path}.1`);
  return 0;
}

async function openLog(path: string, account: Account): Promise<Awaited<ReturnType<typeof open>>> {
  const log = await open(path, 'a', 0o600);
  if (account.switched) await chown(path, account.uid, account.gid);
  return log;
}

function notWritable(layout: Layout): (error: unknown) => never {
  return (error) => {
    if (error instanceof EmbeddedPostgresError) throw error;
    const message = `cannot write to ${layout.root}: choose another folder with --data, or correct its owner`;
    throw new EmbeddedPostgresError('data_not_writable', message, error);
  };
}
