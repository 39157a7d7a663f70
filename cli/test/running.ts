import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReadyReport } from '../src/dev/ready-file.ts';

export const LAUNCHER = join(dirname(import.meta.dirname), 'bin', 'sigstead');

/** An instance in a process of its own, as a person or a script starts it. */
export interface Running {
  readonly child: ChildProcess;
  readonly report: ReadyReport;
  /** All it has written so far. */
  readonly output: () => string;
  readonly ended: Promise<Ended>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface Spawned {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<Ended>;
}

/** Starts a program; its output is collected. */
export function run(command: string, args: readonly string[], env: Record<string, string> = {}): Spawned {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, output: text }));
  });
  return { child, output: () => text, ended };
}

/** Starts an instance and waits until its ready file is there. Rejects with its output when it ends before. */
export async function start(
  readyFile: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Running> {
  // One that was killed leaves its file behind until the next one removes it.
  await rm(readyFile, { force: true });
  const spawned = run(LAUNCHER, ['dev', '--ready-file', readyFile, ...args], env);
  return { ...spawned, report: await whenReady(readyFile, spawned) };
}

export async function whenReady(readyFile: string, spawned: Spawned): Promise<ReadyReport> {
  let over = false;
  void spawned.ended.finally(() => {
    over = true;
  });
  for (;;) {
    const text = await readFile(readyFile, 'utf8').catch(() => undefined);
    if (text !== undefined) return JSON.parse(text) as ReadyReport;
    if (over) throw new Error(`ended before it was ready:\n${spawned.output()}`);
    await delay(20);
  }
}

export async function stop(running: Spawned, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  running.child.kill(signal);
  return running.ended;
}

/** Pid of the embedded PostgreSQL. */
export async function postmasterPid(dataDir: string): Promise<number> {
  const text = await readFile(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Resolves when the process is gone; the test's own time limit is the deadline. */
export async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await delay(20);
}

/** Resolves when no thread of a process that was sent SIGSTOP runs any more (Linux only: at once elsewhere). */
export async function halted(pid: number): Promise<void> {
  while (/^State:\s+[^T]/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))) await delay(5);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
