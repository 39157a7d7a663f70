import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { processTree } from './cpu.ts';

/** Which cores server and generator run on: the generator has the last of those that this process may use. */
export function shareCores(count: number): { server: string; generator: string } | undefined {
  if (count < 2) return undefined;
  const last = count - 1;
  return { server: last === 1 ? '0' : `0-${last - 1}`, generator: String(last) };
}

/**
 * Puts the server's processes (what they start later inherits it) and this one on cores of their own. Returns what was
 * done, or why not, as a sentence for the report.
 */
export function pinApart(serverPids: readonly number[]): string {
  const cores = shareCores(availableParallelism());
  if (cores === undefined) return 'not pinned: there is one core only';
  try {
    for (const { pid } of processTree(serverPids)) pinOne(pid, cores.server);
    execFileSync('taskset', ['-a', '-c', '-p', cores.generator, String(process.pid)], { stdio: 'pipe' });
    return `pinned: server and PostgreSQL on core ${cores.server}, generator on core ${cores.generator}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'not pinned: there is no taskset here';
    return `not pinned: ${error instanceof Error ? error.message.trim() : String(error)}`;
  }
}

function pinOne(pid: number, cores: string): void {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { stdio: 'pipe' });
  } catch (error) {
    // A process that ended meanwhile needs no core.
    if (processTree([pid]).length > 0) throw error;
  }
}
