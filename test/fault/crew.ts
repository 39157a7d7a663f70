import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { descendants, isAlive, type ProcessInfo } from '../e2e/support/processes.ts';
import { compileCacheDir } from '../instance/index.ts';
import { freePort } from '../support/index.ts';
import type { Ground } from './rig.ts';
import type { Servers, Serving } from './servers.ts';

const LAUNCHER = join(import.meta.dirname, '../../cli/bin/sigstead');
const LOG = 'fault';
export const CREW_ORIGIN = 'localhost';
const BEFORE_NEXT_START_MS = 100;
const LOOK_MS = 50;

/**
 * `sigstead serve` with several workers behind one port, under a supervisor that starts it again whenever it ends. To its
 * callers it is one server: what one worker has shown, no other may take back.
 */
export class Crew implements Servers {
  readonly slots = [0];
  readonly selfEnded: string[] = [];
  readonly #url: string;
  readonly #config: string;
  readonly #workers: number;
  readonly #errors: FileHandle;
  #child: ChildProcess | undefined;
  #lives = 0;
  #killed = false;
  #closing = false;

  private constructor(options: { url: string; config: string; workers: number; errors: FileHandle }) {
    this.#url = options.url;
    this.#config = options.config;
    this.#workers = options.workers;
    this.#errors = options.errors;
  }

  /** Writes the configuration, brings the schema up and makes the log, as an operator does; then serves. */
  static async start({ folder, database, keyPem }: Ground, workers: number): Promise<Crew> {
    const port = await freePort();
    const config = join(folder, 'sigstead.yaml');
    const errors = await open(join(folder, 'crew.log'), 'a');
    await writeFile(join(folder, 'log.key'), keyPem, { mode: 0o600 });
    await writeFile(config, configText(database.connectionString, port));
    const crew = new Crew({ url: `http://localhost:${port}`, config, workers, errors });
    await crew.#command('migrate', '--config', config);
    await crew.#command('log', 'create', '--config', config, '--name', LOG);
    crew.#start();
    return crew;
  }

  /** One address; who answers behind it is not to be seen. */
  serving(): Serving {
    return { life: `crew`, url: this.#url };
  }

  /** Processes that answer requests, those that have not begun to included. */
  workers(): ProcessInfo[] {
    const pid = this.#child?.pid;
    return pid === undefined ? [] : descendants(pid).filter(({ parent }) => parent === pid);
  }

  async killWorker(pick: (workers: readonly ProcessInfo[]) => ProcessInfo): Promise<void> {
    while (this.workers().length === 0) await delay(BEFORE_NEXT_START_MS);
    process.kill(pick(this.workers()).pid, 'SIGKILL');
  }

  /** The first process alone: its workers find that out by themselves. */
  killFirst(): void {
    this.#killed = true;
    this.#child?.kill('SIGKILL');
  }

  killAll(): void {
    const workers = this.workers();
    this.killFirst();
    for (const { pid } of workers) killed(pid);
  }

  /** Resolves when as many workers run as should. */
  async complete(): Promise<void> {
    while (this.workers().length < this.#workers) await delay(BEFORE_NEXT_START_MS);
  }

  async close(): Promise<void> {
    this.#closing = true;
    const left = this.workers();
    const child = this.#child;
    this.killAll();
    if (child !== undefined && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    while (left.some((one) => isAlive(one))) await delay(10);
    await this.#errors.close();
  }

  async #command(...args: string[]): Promise<void> {
    const [code] = (await once(this.#spawn(args), 'exit')) as [number | null];
    if (code !== 0) throw new Error(`sigstead ${args.join(' ')}: ended with ${String(code)}`);
  }

  #spawn(args: readonly string[]): ChildProcess {
    return spawn(LAUNCHER, args, {
      stdio: ['ignore', this.#errors.fd, this.#errors.fd],
      env: { ...process.env, NODE_COMPILE_CACHE: compileCacheDir() },
    });
  }

  #start(): void {
    const life = ++this.#lives;
    const ready = `${this.#config}.ready-${life}`;
    const workers = String(this.#workers);
    const child = this.#spawn(['serve', '--config', this.#config, '--workers', workers, '--ready-file', ready]);
    this.#child = child;
    this.#killed = false;
    let hasServed = false;
    const seeing = setInterval(() => {
      hasServed ||= existsSync(ready);
    }, LOOK_MS);
    child.once('exit', (code, signal) => {
      clearInterval(seeing);
      // One that finds the port still taken by workers of the last one says so and ends: its supervisor tries again.
      const mayEnd = this.#killed || this.#closing || !hasServed;
      if (!mayEnd) this.selfEnded.push(`life ${life} of the crew ended by itself: ${String(code ?? signal)}`);
      if (!this.#closing) setTimeout(() => this.#closing || this.#start(), BEFORE_NEXT_START_MS);
    });
  }
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended with its first process.
  }
}

function configText(connectionString: string, port: number): string {
  return `version: 1
logLevel: error
stateFolder: state
database: {url: '${connectionString}', migrate: never}
logs:
  - {name: ${LOG}, kind: rekor-v2, listen: localhost:${port}, publicUrl: http://localhost:${port}, keyFile: log.key}
`;
}
