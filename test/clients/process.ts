import { spawn } from 'node:child_process';

export interface Ended {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/** Runs a program to its end, whatever its exit code. Rejects when it cannot be started or takes too long. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      env: options.env ?? process.env,
      cwd: options.cwd,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    // A program may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('close', (code, signal) => {
      const ended = { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
      if (signal === 'SIGKILL') reject(new Error(`${command} did not end within ${timeoutMs} ms\n${ended.stderr}`));
      else resolve(ended);
    });
  });
}

/** Runs a program that must succeed. Rejects with its output when it does not. */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const ended = await run(command, args, options);
  if (ended.code !== 0)
    throw new Error(`${command} ${args[0] ?? ''} ended with ${ended.code}\n${ended.stdout}${ended.stderr}`);
  return ended;
}

/** Runs tasks, at most `limit` at the same time; the results keep their order. */
export async function inParallel<T, R>(
  limit: number,
  items: readonly T[],
  task: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Map<number, R>();
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) results.set(index, await task(item));
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return items.map((_, index) => results.get(index) as R);
}
