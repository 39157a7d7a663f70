import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { compileCacheDir } from '../instance/index.ts';
import type { Servers, Serving } from './servers.ts';
import type { WriterArguments } from './writer.ts';

interface Slot {
  lives: number;
  child: ChildProcess | undefined;
  serving: Serving | undefined;
  killed: boolean;
}

const WRITER = join(import.meta.dirname, 'writer.ts');
const BEFORE_NEXT_START_MS = 50;

/** Writer processes, each in its slot; one that ends, for whatever reason, is started again at once. */
export class Fleet implements Servers {
  readonly #slots: readonly Slot[];
  readonly #argumentsOf: (slot: number) => WriterArguments;
  readonly #errors: FileHandle;
  #closing = false;
  readonly selfEnded: string[] = [];

  private constructor(size: number, argumentsOf: (slot: number) => WriterArguments, errors: FileHandle) {
    this.#slots = Array.from({ length: size }, () => ({
      lives: 0,
      child: undefined,
      serving: undefined,
      killed: false,
    }));
    this.#argumentsOf = argumentsOf;
    this.#errors = errors;
  }

  /** @param folder for what the processes write to their standard error */
  static async start(size: number, argumentsOf: (slot: number) => WriterArguments, folder: string): Promise<Fleet> {
    const fleet = new Fleet(size, argumentsOf, await open(join(folder, 'writers.log'), 'a'));
    for (const index of fleet.slots) fleet.#start(index);
    return fleet;
  }

  get slots(): number[] {
    return this.#slots.map((_, index) => index);
  }

  serving(index: number): Serving | undefined {
    return this.#slots[index]?.serving;
  }

  /** kill -9, also of a process that is stopped or has not begun to serve. */
  kill(index: number): void {
    const slot = this.#slot(index);
    slot.killed = true;
    slot.serving = undefined;
    slot.child?.kill('SIGKILL');
  }

  pause(index: number): void {
    this.#slot(index).child?.kill('SIGSTOP');
  }

  resume(index: number): void {
    this.#slot(index).child?.kill('SIGCONT');
  }

  /** It stops itself, as SIGSTOP does, the next time it signs a head: inside its transaction. */
  pauseInTransaction(index: number): void {
    this.#slot(index).child?.kill('SIGUSR2');
  }

  pid(index: number): number {
    const pid = this.#slot(index).child?.pid;
    if (pid === undefined) throw new Error(`no process runs in slot ${index}`);
    return pid;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const ends = this.#slots.map(({ child }) => endOf(child));
    for (const index of this.slots) this.kill(index);
    await Promise.all(ends);
    await this.#errors.close();
  }

  #slot(index: number): Slot {
    const slot = this.#slots[index];
    if (slot === undefined) throw new Error(`there is no slot ${index}`);
    return slot;
  }

  #start(index: number): void {
    const slot = this.#slot(index);
    const life = `writer ${index}.${++slot.lives}`;
    const child = spawn(process.execPath, [WRITER, JSON.stringify(this.#argumentsOf(index))], {
      stdio: ['pipe', 'pipe', this.#errors.fd],
      env: { ...process.env, NODE_COMPILE_CACHE: compileCacheDir() },
    });
    slot.child = child;
    slot.killed = false;
    child.stdin?.on('error', () => undefined);
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).once('line', (port) => {
        if (slot.child === child && !slot.killed) slot.serving = { life, url: `http://127.0.0.1:${port}` };
      });
    }
    child.once('exit', (code, signal) => this.#ended(index, `${life} ended by itself: ${String(code ?? signal)}`));
  }

  #ended(index: number, text: string): void {
    const slot = this.#slot(index);
    // A process that finds no database at its start says so and ends: its supervisor tries again.
    const mayEnd = slot.killed || slot.serving === undefined;
    if (!mayEnd) this.selfEnded.push(text);
    slot.serving = undefined;
    if (this.#closing) return;
    if (slot.killed) this.#start(index);
    else setTimeout(() => this.#closing || this.#start(index), BEFORE_NEXT_START_MS);
  }
}

function endOf(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
  });
}
