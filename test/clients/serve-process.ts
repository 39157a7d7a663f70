import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from '../instance/index.ts';
import { PASSWORD } from './postgres-servers.ts';
import { type Ended, run } from './process.ts';

const LAUNCHER = join(ROOT, 'cli', 'bin', 'sigstead');

/** The password both as the configuration reads it, and as PostgreSQL's own programs and a plain URL do. */
const ENVIRONMENT = { ...process.env, SIGSTEAD_DATABASE_PASSWORD: PASSWORD, PGPASSWORD: PASSWORD };

/** A command of sigstead, to its end. */
export function sigstead(...args: readonly string[]): Promise<Ended> {
  return run(LAUNCHER, args, { env: ENVIRONMENT });
}

/** `sigstead serve` of one configuration. */
export class ServeProcess {
  readonly #child: ChildProcess;
  output = '';

  private constructor(configFile: string, readyFile: string) {
    this.#child = spawn(LAUNCHER, ['serve', '--config', configFile, '--ready-file', readyFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: ENVIRONMENT,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  /** Resolves when it listens. Rejects with its output when it ends before. */
  static async start(configFile: string): Promise<ServeProcess> {
    const readyFile = `${configFile}.ready`;
    await rm(readyFile, { force: true });
    const process = new ServeProcess(configFile, readyFile);
    while (!(await stat(readyFile).catch(() => false))) {
      if (process.#isOver()) throw new Error(`serve ended before it was ready:\n${process.output}`);
      await delay(20);
    }
    return process;
  }

  async stop(): Promise<void> {
    if (this.#isOver()) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }

  #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}
