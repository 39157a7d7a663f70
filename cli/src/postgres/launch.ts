import { constants } from 'node:fs';
import { open, readFile, rename, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from './account.ts';
import { EmbeddedPostgresError } from './errors.ts';
import type { Layout } from './folder.ts';
import { inUse, processExists } from './owner.ts';
import { readPidFile, signal } from './postmaster.ts';
import { supervise, type Supervised } from './supervisor.ts';

const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 10;
const RETRY_MS = 100;
const MAX_LOG_BYTES = 10 * 2 ** 20;

export interface Launch {
  layout: Layout;
  account: Account;
  command: readonly string[];
  timeoutMs: number;
}

export interface Launched {
  server: Supervised;
  /** Of the postmaster. */
  pid: number;
}

/**
 * Starts the server and waits until it accepts connections. After a server that was killed alone, its backends may hold
 * the shared memory, and the system its pid, for a moment longer; then it is tried again until the time is over.
 */
export async function launch(what: Launch): Promise<Launched> {
  const untilMs = performance.now() + what.timeoutMs;
  for (;;) {
    const logFrom = await rotateLog(what.layout.log);
    const stale = (await readPidFile(what.layout.cluster))?.run;
    const server = await startSupervised(what);
    const pid = await untilReady(server, what.layout.cluster, stale, untilMs);
    if (pid !== undefined) return { server, pid };
    const wasRunning = server.isRunning();
    await endServer(server, undefined);
    const { retry, error } = await explainEnd(what.layout, logFrom, wasRunning);
    if (!retry || performance.now() > untilMs) throw error;
    await delay(RETRY_MS);
  }
}

async function startSupervised({ layout, account, command }: Launch): Promise<Supervised> {
  const log = await openLog(layout.log);
  try {
    if (account.switched) await log.chown(account.uid, account.gid);
    return supervise(account, layout.root, command, log.fd);
  } finally {
    await log.close();
  }
}

/** @returns the postmaster's pid once it accepts connections; undefined when it ended or the time is over */
async function untilReady(
  server: Supervised,
  cluster: string,
  stale: string | undefined,
  untilMs: number,
): Promise<number | undefined> {
  while (server.isRunning() && performance.now() < untilMs) {
    const file = await readPidFile(cluster);
    // A server that was killed leaves its own file, which says "ready".
    if (file?.state === 'ready' && file.run !== stale) return file.pid;
    await delay(POLL_MS);
  }
  return undefined;
}

async function explainEnd(
  layout: Layout,
  logFrom: number,
  timedOut: boolean,
): Promise<{ retry: boolean; error: EmbeddedPostgresError }> {
  const text = (await readFile(layout.log)).subarray(logFrom).toString('utf8').slice(-16_384);
  if (/lock file "postmaster\.pid" already exists/.test(text)) {
    const pid = (await readPidFile(layout.cluster))?.pid;
    // PostgreSQL takes a killed server that nobody has collected yet for a living one.
    return { retry: pid !== undefined && !processExists(pid), error: inUse(layout.root, pid) };
  }
  const fatal = /(?:FATAL|PANIC): +(.*)/.exec(text)?.[1] ?? text.trim().split('\n').at(-1) ?? '';
  const why = timedOut ? 'was not ready in time' : `did not start: ${fatal}`;
  const error = new EmbeddedPostgresError('start_failed', `PostgreSQL ${why} (see ${layout.log})`);
  return { retry: !timedOut && /pre-existing shared memory block/.test(fatal), error };
}

/** Fast shutdown, then an immediate one, whether or not the supervisor still lives. */
export async function endServer(server: Supervised, pid: number | undefined): Promise<void> {
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

/** Never through a link, symbolic or hard: as root it would give away the file behind it. */
async function openLog(path: string): Promise<FileHandle> {
  const log = await open(
    path,
    constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
  const about = await log.stat();
  if (about.isFile() && about.nlink === 1) return log;
  await log.close();
  throw new EmbeddedPostgresError('data_not_writable', `${path} is no plain file: remove it`);
}

/** Keeps one older log. @returns where this run's part begins */
async function rotateLog(path: string): Promise<number> {
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size <= MAX_LOG_BYTES) return size;
  await rename(path, `${path}.1`);
  return 0;
}
