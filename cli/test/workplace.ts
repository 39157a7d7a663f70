import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gone, type Running, start } from './running.ts';

/** A folder in which a test file starts instances, and what they share. */
export interface Workplace {
  readonly base: string;
  readonly env: Record<string, string>;
  /** Instances begun here, to be stopped at the end. */
  readonly children: Running['child'][];
  started(this: void, args: string[]): Promise<Running>;
  close(): Promise<void>;
}

export async function newWorkplace(): Promise<Workplace> {
  const base = await mkdtemp(join(tmpdir(), 'sigstead-process-'));
  // As root, PostgreSQL's account passes through it.
  await chmod(base, 0o711);
  const env = { XDG_CACHE_HOME: join(base, 'cache'), XDG_DATA_HOME: join(base, 'share') };
  const children: Running['child'][] = [];
  return {
    base,
    env,
    children,
    async started(args) {
      const running = await start(join(base, 'ready.json'), args, env);
      children.push(running.child);
      return running;
    },
    async close() {
      // Only what a failed test left behind is still there.
      for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      for (const { pid } of children) if (pid !== undefined) await gone(pid);
      await rm(base, { recursive: true, force: true });
    },
  };
}
