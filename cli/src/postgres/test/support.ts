import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { openPool, silentLogger } from '@sigstead/platform';
import { processExists } from '../owner.ts';

export const IS_ROOT = process.getuid?.() === 0;

export interface Said {
  step: string;
  pid?: number;
  connectionString?: string;
  code?: string;
  message?: string;
}

export interface Holder {
  child: ChildProcess;
  /** Everything it said until it was ready or failed. */
  said: Said[];
  last: Said;
  /** Ends its input and waits for it. */
  end(): Promise<void>;
}

export interface HoldOptions {
  uid?: number;
  gid?: number;
  umask?: string;
}

/** Runs hold.ts until it is ready or has failed. It leads a process group of its own, as in a terminal. */
export async function hold(dataDir: string, { umask, ...ids }: HoldOptions = {}): Promise<Holder> {
  const script = join(import.meta.dirname, 'hold.ts');
  const args = [script, dataDir, ...(umask === undefined ? [] : [umask])];
  const child = spawn(process.execPath, args, { ...ids, detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  const said: Said[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const value = JSON.parse(line) as Said;
    said.push(value);
    if (value.step === 'ready' || value.step === 'failed') break;
  }
  // A test that fails must not leave this process waiting: when it ends, the holder's input ends too.
  child.unref();
  (child.stdin as unknown as Socket).unref();
  (child.stdout as unknown as Socket).unref();
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (): Promise<void> => {
    child.ref();
    child.stdin.end();
    if (child.exitCode === null && child.signalCode === null) await exited;
  };
  return { child, said, last: said.at(-1) ?? { step: 'silent' }, end };
}

/** A temporary folder that every account may pass through; removed by what is returned. */
export async function tempFolder(mode = 0o711): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'sigstead-pgtest-'));
  await chmod(path, mode);
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 20 }) };
}

export async function query(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const pool = openPool({ connectionString, logger: silentLogger, max: 1 });
  try {
    return (await pool.query<Record<string, unknown>>(text)).rows;
  } finally {
    await pool.end();
  }
}

/** Waits for the end of a process that is not our child. */
export async function untilGone(pid: number, withinMs: number): Promise<void> {
  const startMs = performance.now();
  while (processExists(pid)) {
    if (performance.now() - startMs > withinMs) throw new Error(`process ${pid} is still there after ${withinMs} ms`);
    await delay(20);
  }
}

/** SPEC: proc_pid_stat(5), field 4. */
export async function parentOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[1]);
}

/** kill -9 for both processes that watch over a server, but not for the server. */
export async function killWatchdog(server: number): Promise<void> {
  const supervisor = await parentOf(server);
  const children = await readFile(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8');
  for (const child of children.trim().split(' ').map(Number)) if (child !== server) process.kill(child, 'SIGKILL');
  process.kill(supervisor, 'SIGKILL');
}
