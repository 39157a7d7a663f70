import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Output } from './output.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Resolves when the process is gone and its output is complete. */
  readonly exited: Promise<Exit>;
  /** Sends a signal to this process alone; nothing when it is gone. */
  signal(name: NodeJS.Signals): void;
  /** Undefined while it runs. */
  exit(): Exit | undefined;
}

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Starts a process that does not outlive this one. Rejects when it cannot be started. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const process_ = spawn(options.command, [...options.args], {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout = new Output(process_.stdout);
  const stderr = new Output(process_.stderr);
  const exited = exitOf(process_);
  await Promise.race([
    once(process_, 'spawn'),
    once(process_, 'error').then(([error]) => Promise.reject(error as Error)),
  ]);
  const { pid } = process_;
  if (pid === undefined) throw new Error(`${options.command} has no process id`);
  let exit: Exit | undefined;
  const killNow = (): void => {
    process_.kill('SIGKILL');
  };
  process.on('exit', killNow);
  void exited.then((how) => {
    exit = how;
    process.removeListener('exit', killNow);
  });
  return {
    pid,
    stdout,
    stderr,
    exited,
    signal: (name) => {
      if (exit === undefined) process_.kill(name);
    },
    exit: () => exit,
  };
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}
