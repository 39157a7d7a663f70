import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inUse, processExists } from './owner.ts';

/** SPEC: PostgreSQL, postmaster.pid: line 1 pid, line 2 data folder, line 3 start, line 8 state. */
export interface PidFile {
  pid: number;
  /** Differs from run to run, also where a container gives the same pid again. */
  run: string;
  state: string;
}

const POLL_MS = 20;

export async function readPidFile(cluster: string): Promise<PidFile | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => undefined);
  const lines = text?.split('\n');
  const pid = Number(lines?.[0]);
  return Number.isSafeInteger(pid) && pid > 1
    ? { pid, run: `${pid} ${lines?.[2]}`, state: lines?.[7]?.trim() ?? '' }
    : undefined;
}

/**
 * The owner of the folder is dead, but its PostgreSQL may still be stopping: waits for that. It is asked to stop, in case
 * its watchdog was killed too, and half way told to stop at once. A pid that is another program's is left alone.
 * @throws {EmbeddedPostgresError} `data_in_use` when it is still there after `timeoutMs`
 */
export async function waitForOldPostmaster(cluster: string, timeoutMs: number, onWait: () => void): Promise<void> {
  const startMs = performance.now();
  let asked: 'SIGINT' | 'SIGQUIT' | undefined;
  for (;;) {
    const old = await readPidFile(cluster);
    if (old === undefined || !(await isPostmasterOf(old.pid, cluster))) return;
    if (asked === undefined) onWait();
    const elapsedMs = performance.now() - startMs;
    if (elapsedMs > timeoutMs) throw inUse(cluster, old.pid);
    const next = elapsedMs > timeoutMs / 2 ? 'SIGQUIT' : 'SIGINT';
    if (asked !== next) signal(old.pid, next);
    asked = next;
    await delay(POLL_MS);
  }
}

/** Fast shutdown is SIGINT, immediate shutdown is SIGQUIT. SPEC: PostgreSQL, "Shutting Down the Server". */
export function signal(pid: number, name: 'SIGINT' | 'SIGQUIT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already, or not ours to signal: the caller's deadline decides.
  }
}

/** After a crash of the machine the pid in the file may be anyone's: only a command line with our folder is ours. */
async function isPostmasterOf(pid: number, cluster: string): Promise<boolean> {
  if (!processExists(pid)) return false;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  if (commandLine !== undefined) return commandLine.split('\0').includes(cluster);
  const { stdout } = await promisify(execFile)('/bin/ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.includes(` -D ${cluster} `);
}
