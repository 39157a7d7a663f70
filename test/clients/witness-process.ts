import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type NoteVerifier, parseVerifierKey, verifierOf } from '@sigstead/formats';
import { ROOT } from '../instance/index.ts';
import { freePort } from '../support/index.ts';
import { runOk } from './process.ts';

const LAUNCHER = join(ROOT, 'cli', 'bin', 'sigstead');

/** `sigstead witness` as an operator runs it. */
export class WitnessProcess {
  readonly url: string;
  readonly vkey: string;
  readonly verifier: NoteVerifier;
  readonly #config: string;
  #child: ChildProcess | undefined;
  output = '';

  private constructor({ url, vkey, config }: { url: string; vkey: string; config: string }) {
    this.url = url;
    this.vkey = vkey;
    this.verifier = verifierOf(parseVerifierKey(vkey));
    this.#config = config;
  }

  /** A new one that cosigns these logs; it does not run yet. */
  static async make(
    folder: string,
    { name, logs }: { name: string; logs: readonly string[] },
  ): Promise<WitnessProcess> {
    const listen = `127.0.0.1:${await freePort()}`;
    await runOk(LAUNCHER, ['witness', 'init', folder, '--name', name, '--listen', listen]);
    const config = join(folder, 'witness.yaml');
    const text = await readFile(config, 'utf8');
    const list = logs.map((vkey) => `\n  - vkey: ${vkey}`).join('');
    await writeFile(config, text.replace('logs: []', `logs:${list}`));
    const { stdout } = await runOk(LAUNCHER, ['witness', 'key', '--config', config]);
    return new WitnessProcess({ url: `http://${listen}`, vkey: stdout.trim(), config });
  }

  /** Resolves when it listens. Rejects with its output when it ends before. */
  async start(): Promise<void> {
    const readyFile = `${this.#config}.ready`;
    await rm(readyFile, { force: true });
    const args = ['witness', '--config', this.#config, '--ready-file', readyFile];
    const child = spawn(LAUNCHER, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    while (!(await stat(readyFile).catch(() => false))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended at once:\n${this.output}`);
      await delay(20);
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}
