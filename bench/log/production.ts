import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { silentLogger } from '@sigstead/platform';
import { freePort } from '@sigstead/test';
import { ROOT, startInstance } from '@sigstead/test/instance';
import { startEmbeddedPostgres } from '../../cli/src/postgres/index.ts';
import { type CertifiedKey, certifiedKeys } from './certificates.ts';
import { stopChild } from '../stop-child.ts';
import type { LogIdentity } from './trust.ts';

/** `sigstead serve` with one Rekor v2 log, and all that a load needs to know of it. */
export interface Production extends AsyncDisposable {
  readonly url: string;
  /** The first process, and PostgreSQL's if it is ours. */
  readonly pids: readonly number[];
  readonly log: LogIdentity;
  readonly keys: readonly CertifiedKey[];
}

const READY_MS = 60_000;
const STOP_MS = 40_000;

/**
 * Starts the production entry point with a configuration of its own, in a temporary folder. `database` is the URL of an
 * empty database; without it a PostgreSQL is started, with its own settings for durability. Certificates come from an
 * instance that runs only for that. Throws with the program's output.
 */
export async function startProduction(options: {
  workers: number;
  database: string | undefined;
  certificates: number;
  /** The log's switch; undefined: as the product has it by itself. */
  search?: 'on' | 'off' | undefined;
}): Promise<Production> {
  await using steps = new AsyncDisposableStack();
  const keys = await certificatesOfAnInstance(options.certificates);
  const folder = await mkdtemp(join(tmpdir(), 'sigstead-bench-'));
  steps.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 40, retryDelay: 100 }));
  // As root PostgreSQL runs under another account, which must be able to pass through.
  await chmod(folder, 0o711);
  const pids: number[] = [];
  let { database } = options;
  if (database === undefined) {
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), logger: silentLogger });
    steps.defer(() => postgres.stop());
    pids.push(postgres.pid);
    database = postgres.connectionString;
  }
  const port = await freePort();
  const key = generatePrivateKeyPem('ecdsa-p256-sha256');
  const config = join(folder, 'sigstead.yaml');
  await writeFile(join(folder, 'log.key'), key, { mode: 0o600 });
  await writeFile(config, configText(database, port, options.search));
  await command('migrate', '--config', config);
  await command('log', 'create', '--config', config, '--name', 'bench');
  const serving = await serve(config, options.workers, join(folder, 'ready.json'));
  steps.defer(() => stopChild(serving, STOP_MS));
  pids.push(serving.pid ?? 0);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const owned = steps.move();
  return {
    url: `http://localhost:${port}`,
    pids,
    log: { origin: 'localhost', spki },
    keys,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function certificatesOfAnInstance(count: number): Promise<CertifiedKey[]> {
  await using issuing = await startInstance({ ephemeral: true });
  return await certifiedKeys(issuing.url, count);
}

function configText(database: string, port: number, search: 'on' | 'off' | undefined): string {
  const more = search === undefined ? '' : `, search: ${search}`;
  return `version: 1
logLevel: warn
stateFolder: state
database: {url: ${JSON.stringify(database)}}
logs:
  - {name: bench, kind: rekor-v2, listen: localhost:${port}, publicUrl: http://localhost:${port}, keyFile: log.key${more}}
`;
}

function sigstead(args: readonly string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(join(ROOT, 'cli', 'bin', 'sigstead'), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4000);
    });
  }
  return { child, output: () => output };
}

async function command(...args: string[]): Promise<void> {
  const { child, output } = sigstead(args);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`sigstead ${args[0]} ended with ${code}: ${output()}`);
}

async function serve(config: string, workers: number, readyFile: string): Promise<ChildProcess> {
  const { child, output } = sigstead([
    'serve',
    '--config',
    config,
    '--workers',
    String(workers),
    '--ready-file',
    readyFile,
  ]);
  const untilMs = performance.now() + READY_MS;
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null || performance.now() > untilMs) {
      child.kill('SIGKILL');
      throw new Error(`sigstead serve is not ready: ${output()}`);
    }
    await wait(50);
  }
  return child;
}
