import { spawn, type SpawnOptions } from 'node:child_process';
import type { Account } from './account.ts';

export interface Ended {
  code: number | null;
  /** What it wrote to both outputs, at most 64 KiB from the end. */
  output: string;
}

const MAX_OUTPUT = 64 * 1024;

/** How every process of PostgreSQL is started: under its account, with nothing of our environment. */
export function spawnOptions(account: Account, cwd: string): SpawnOptions {
  return {
    cwd,
    // TZ: initdb would otherwise compare every zone with the machine's own.
    env: { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' },
    ...(account.switched ? { uid: account.uid, gid: account.gid } : {}),
  };
}

/** Runs a program to its end under the account. Resolves with any exit code; rejects when it cannot be started. */
export function run(account: Account, cwd: string, program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...spawnOptions(account, cwd), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-MAX_OUTPUT);
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
