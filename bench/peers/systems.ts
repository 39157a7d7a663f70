import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type NoteVerifier, noteVerifier, publicKeyFromSpki } from '@sigstead/formats';
import { silentLogger } from '@sigstead/platform';
import { freePort } from '@sigstead/test';
import { startEmbeddedPostgres } from '../../cli/src/postgres/index.ts';
import type { Target } from '../log/connection.ts';
import { listening, stop } from './child.ts';
import { tesseraCommand } from './tessera.ts';
import { leafOfOurs, leafOfTessera } from './look-up.ts';

const ORIGIN = 'peers.example.com';
const START_MS = 30_000;
/** As the launcher starts the product. */
const ENGINE_WORDS = ['--initial-old-space-size=128', '--external-memory-accounted-in-global-limit'];

/** One of the two servers. */
export interface System {
  readonly name: 'sigstead' | 'tessera';
  readonly target: Target;
  /** Processes whose CPU, with that of their children, is the server's. */
  readonly pids: readonly number[];
  /** Of the checkpoint in its answers, where there is one. */
  readonly verifier: NoteVerifier | undefined;
  /** The leaf that the log shows at an index, from its storage. */
  leaf(index: number): Promise<Buffer>;
}

export interface Systems extends AsyncDisposable {
  readonly ours: System;
  readonly theirs: System;
  /** Of our PostgreSQL. */
  readonly connectionString: string;
}

/** Starts both, each with a new log, in one temporary folder. */
export async function startSystems(tesseraProgram: string): Promise<Systems> {
  await using steps = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-peers-'));
  steps.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 }));
  // As root PostgreSQL runs under another account, which must be able to pass through.
  await chmod(folder, 0o711);
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger });
  steps.defer(() => postgres.stop());
  const ours = await startOurs(steps, postgres);
  const theirs = await startTessera(steps, tesseraProgram, folder);
  const owned = steps.move();
  return {
    ours,
    theirs,
    connectionString: postgres.connectionString,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startOurs(
  steps: AsyncDisposableStack,
  { connectionString, pid }: { connectionString: string; pid: number },
): Promise<System> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const argument = JSON.stringify({ connectionString, origin: ORIGIN, key });
  const server = join(import.meta.dirname, 'server.ts');
  const child = spawn(process.execPath, [...ENGINE_WORDS, server, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  steps.defer(() => stop(child));
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(START_MS) })) as [string];
  const target = { host: '127.0.0.1', port: Number(line) };
  const verifier = noteVerifier(ORIGIN, publicKeyFromSpki(publicKey.export({ type: 'spki', format: 'der' })));
  const pids = [child.pid ?? 0, pid];
  return { name: 'sigstead', target, pids, verifier, leaf: (index) => leafOfOurs(target, index) };
}

async function startTessera(steps: AsyncDisposableStack, program: string, folder: string): Promise<System> {
  const target = { host: '127.0.0.1', port: await freePort() };
  const place = join(folder, 'peer');
  await mkdir(place);
  const [command = '', ...args] = await tesseraCommand(program, place, target.port);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  steps.defer(() => stop(child));
  await listening(target, child);
  const leaf = (index: number): Promise<Buffer> => leafOfTessera(target, index);
  return { name: 'tessera', target, pids: [child.pid ?? 0], verifier: undefined, leaf };
}
