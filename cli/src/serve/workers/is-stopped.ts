import { readFileSync } from 'node:fs';

/**
 * Whether a process is stopped by a signal or a debugger. Elsewhere than on Linux it cannot be known, and is not assumed.
 * SPEC: proc_pid_stat(5), field 3 (state); field 2 is in parentheses and may hold any character
 */
export function isStopped(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return /^\) [Tt] /.test(text.slice(text.lastIndexOf(')')));
  } catch {
    // No such process, or no such folder.
    return false;
  }
}
