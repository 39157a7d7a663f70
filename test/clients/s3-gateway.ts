import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { programOf } from './environment.ts';
import { freePort } from '../support/index.ts';
import { type Program, startProgram } from './local-server.ts';
import { versitygw } from './tools.ts';

/** An S3 server over a folder; it keeps every object as a file, and what belongs to it as files beside. */
export interface Gateway {
  /** Where objects of the bucket `logs` with this prefix go. */
  place(prefix: string): {
    bucket: string;
    prefix: string;
    region: string;
    endpoint: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  /** Folder of the bucket. */
  readonly bucket: string;
  start(): Promise<void>;
  end(signal?: 'SIGKILL'): Promise<void>;
}

export async function startGateway(base: string): Promise<Gateway> {
  const port = await freePort();
  const credentials = { accessKeyId: 'sigstead', secretAccessKey: 'not a secret' };
  const keys = ['--access', credentials.accessKeyId, '--secret', credentials.secretAccessKey];
  const listen = ['--port', `127.0.0.1:${port}`, '--health', '/health'];
  const storage = ['posix', '--sidecar', join(base, 'meta'), join(base, 'data')];
  for (const name of ['meta', 'data', 'data/logs']) await mkdir(join(base, name));
  let program: Program | undefined;
  const start = async (): Promise<void> => {
    program = await startProgram(programOf(versitygw), ['--quiet', ...keys, ...listen, ...storage], port);
  };
  await start();
  return {
    place: (prefix) => ({
      bucket: 'logs',
      prefix,
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      credentials,
    }),
    bucket: join(base, 'data', 'logs'),
    start,
    async end(signal) {
      await program?.end(signal);
    },
  };
}
