import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Ends a process in order, and by force when that takes longer than `limitMs`. Resolves once it has ended. */
export async function stopChild(child: ChildProcess, limitMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), limitMs);
  await ended;
  clearTimeout(late);
}
