import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { eventually } from './exported-log.ts';

export interface Program {
  /** SIGTERM, or SIGKILL as a crash would be; resolves when it is gone. */
  end(signal?: 'SIGKILL'): Promise<void>;
}

/** Starts a server program that answers HTTP on this port soon. `errors`: what becomes of what it says on stderr. */
export async function startProgram(
  command: string,
  args: readonly string[],
  port: number,
  errors: 'inherit' | 'ignore' = 'inherit',
): Promise<Program> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', errors] });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}`)));
  });
  // After the start its end is nobody's concern.
  failed.catch(() => undefined);
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  const answers = (): Promise<boolean> =>
    send(port, { method: 'GET', path: '/' }).then(
      () => true,
      () => false,
    );
  await Promise.race([eventually(answers, (answered) => answered), failed]).catch(async (error: unknown) => {
    await end('SIGKILL');
    throw error;
  });
  return { end };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request exactly as given: the path is not normalised, nothing is decompressed. */
export function send(
  port: number,
  options: { method: string; path: string; headers?: Readonly<Record<string, string>> },
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}
