import cluster, { type Worker } from 'node:cluster';
import type { Logger } from '@sigstead/platform';
import { Failure } from '../../failure.ts';
import type { FromWorker, ToWorker } from './messages.ts';

export interface CrewOptions {
  /** How many serve. */
  readonly size: number;
  /** The configuration that every worker gets, also one that is started later. */
  readonly path: string;
  readonly text: string;
  /** Program and words that make a worker of a new process. */
  readonly exec: string;
  readonly args: readonly string[];
  readonly logger: Logger;
}

/** Several processes that serve the same ports. */
export interface Crew {
  readonly addresses: readonly string[];
  /** Metrics of every worker that answers in time, each with its number as label. */
  metrics(): Promise<string[]>;
  /** Which workers serve right now, and how often one was started again. */
  status(): { serving: readonly boolean[]; restarts: number };
  /** All answer what is under way and end. Resolves with false when some had to be killed. */
  stop(): Promise<boolean>;
}

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 30_000;
/** A worker that has served this long starts from the shortest pause again. */
const SETTLED_MS = 60_000;
/** Longer than the services take to drain. */
const STOP_MS = 20_000;
const METRICS_MS = 2_000;

interface Slot {
  readonly number: number;
  worker: Worker | undefined;
  serving: boolean;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Starts the workers: the first alone, so that a fault that all would have is told once. A worker that ends is started
 * again, after a pause that doubles. The workers share one listening socket for each port and take connections from it
 * by themselves: this process sees no request, and what a dead worker had not accepted is taken by the others.
 * Throws a Failure when a worker cannot start; then none is left.
 */
export async function startCrew(options: CrewOptions): Promise<Crew> {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({ exec: options.exec, args: [...options.args], silent: false });
  const crew = new Workers(options);
  try {
    const addresses = await crew.launch(1);
    for (let number = 2; number <= options.size; number += 1) await crew.launch(number);
    crew.keepAlive();
    return {
      addresses,
      metrics: () => crew.metrics(),
      status: () => crew.status(),
      stop: () => crew.stop(),
    };
  } catch (error) {
    await crew.stop();
    throw error;
  }
}

class Workers {
  readonly #options: CrewOptions;
  readonly #slots: Slot[];
  #stopping = false;
  #keeping = false;
  #restarts = 0;
  #question = 0;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.size }, (_, i) => ({
      number: i + 1,
      worker: undefined,
      serving: false,
      failures: 0,
      timer: undefined,
    }));
  }

  /** Resolves with its addresses when it serves; rejects with a Failure when it ends before. */
  launch(number: number): Promise<readonly string[]> {
    const slot = this.#slot(number);
    const { path, text, logger } = this.#options;
    const worker = cluster.fork();
    slot.worker = worker;
    let settled: NodeJS.Timeout | undefined;
    return new Promise((resolve, reject) => {
      let reason = 'a worker ended before it served';
      // A worker that is gone meanwhile is told by its exit.
      worker.on('error', (error) => logger.debug({ error, slot: number }, 'a message to a worker was lost'));
      tell(worker, { kind: 'start', path, text, slot: number });
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'failed') reason = message.message;
        if (message.kind !== 'ready') return;
        slot.serving = true;
        logger.info({ slot: number, pid: worker.process.pid }, 'a worker serves');
        settled = setTimeout(() => {
          slot.failures = 0;
        }, SETTLED_MS);
        settled.unref();
        resolve(message.addresses);
      });
      worker.once('exit', (code, signal) => {
        clearTimeout(settled);
        slot.worker = undefined;
        slot.serving = false;
        reject(new Failure(reason));
        this.#ended(slot, { code, signal, reason });
      });
    });
  }

  /** From now on a worker that ends is started again. */
  keepAlive(): void {
    this.#keeping = true;
    for (const slot of this.#slots) if (slot.worker === undefined) this.#again(slot);
  }

  status(): { serving: boolean[]; restarts: number } {
    return { serving: this.#slots.map(({ serving }) => serving), restarts: this.#restarts };
  }

  async metrics(): Promise<string[]> {
    const serving = this.#slots.flatMap(({ serving: serves, worker }) => (serves && worker ? [worker] : []));
    const texts = await Promise.all(serving.map((worker) => this.#ask(worker)));
    return texts.filter((text) => text !== undefined);
  }

  async stop(): Promise<boolean> {
    this.#stopping = true;
    for (const { timer } of this.#slots) clearTimeout(timer);
    const running = this.#slots.flatMap(({ worker }) => (worker ? [worker] : []));
    const ended = Promise.all(running.map((worker) => exitOf(worker)));
    for (const worker of running) tell(worker, { kind: 'stop' });
    let clean = true;
    const deadline = setTimeout(() => {
      clean = false;
      for (const worker of running) worker.process.kill('SIGKILL');
    }, STOP_MS);
    await ended;
    clearTimeout(deadline);
    return clean;
  }

  #ended(slot: Slot, how: { code: number | null; signal: string | null; reason: string }): void {
    if (this.#stopping || !this.#keeping) return;
    const { code, signal, reason } = how;
    const why = code === 1 ? { reason } : {};
    this.#options.logger.error({ slot: slot.number, code, signal, ...why }, 'a worker ended; another takes its place');
    this.#again(slot);
  }

  #again(slot: Slot): void {
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(slot.failures, 16), MAX_PAUSE_MS);
    slot.failures += 1;
    slot.timer = setTimeout(() => {
      this.#restarts += 1;
      // Its end is heard in #ended, which tries again.
      this.launch(slot.number).catch(() => undefined);
    }, pauseMs);
  }

  #ask(worker: Worker): Promise<string | undefined> {
    this.#question += 1;
    const id = this.#question;
    return new Promise((resolve) => {
      const done = (text: string | undefined): void => {
        clearTimeout(late);
        worker.off('message', hear);
        resolve(text);
      };
      const late = setTimeout(() => done(undefined), METRICS_MS);
      const hear = (message: FromWorker): void => {
        if (message.kind === 'metrics' && message.id === id) done(message.text);
      };
      worker.on('message', hear);
      tell(worker, { kind: 'metrics', id });
    });
  }

  #slot(number: number): Slot {
    const slot = this.#slots[number - 1];
    if (slot === undefined) throw new RangeError(`no worker ${number}`);
    return slot;
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}

function exitOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) resolve();
    else worker.once('exit', () => resolve());
  });
}
