import cluster, { type Worker } from 'node:cluster';
import { Failure } from '../../failure.ts';
import { MetricsQuestion, tell } from './crew-metrics.ts';
import { type Crew, CREW_LIMITS, type CrewLimits, type CrewOptions } from './crew-options.ts';
import { isStopped } from './is-stopped.ts';
import type { FromWorker } from './messages.ts';
import { Pulse } from './pulse.ts';

interface Slot {
  readonly number: number;
  worker: Worker | undefined;
  serving: boolean;
  /** Ends in a row, which lengthen the pause; and those of them that nobody brought about from outside. */
  ends: number;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly reason: string | undefined;
}

/**
 * Starts the workers: the first alone, so that a fault that all would have is told once. A worker that ends is started
 * again, after a pause that doubles; one that is silent is ended. The workers share one listening socket for each port and take
 * connections from it by themselves: this process sees no request, and what a dead worker had not accepted is taken by the
 * others. Throws a Failure when a worker cannot start; then none is left.
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
      lost: crew.lost,
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
  readonly #limits: CrewLimits;
  readonly #slots: Slot[];
  readonly #pulse: Pulse;
  readonly #question = new MetricsQuestion();
  readonly #lost = Promise.withResolvers<Failure>();
  #watch: NodeJS.Timeout | undefined;
  #stopping = false;
  #keeping = false;
  #restarts = 0;

  constructor(options: CrewOptions) {
    this.#options = options;
    this.#limits = { ...CREW_LIMITS, ...options.limits };
    this.#pulse = new Pulse(this.#limits, (number) => isStopped(this.#slot(number).worker?.process.pid));
    this.#slots = Array.from({ length: options.size }, (_, i) => {
      return { number: i + 1, worker: undefined, serving: false, ends: 0, failures: 0, timer: undefined };
    });
  }

  get lost(): Promise<Failure> {
    return this.#lost.promise;
  }

  /** Resolves with the worker's addresses when it serves. Throws a Failure with its reason when it ends before. */
  launch(number: number): Promise<readonly string[]> {
    const slot = this.#slot(number);
    const { logger, path, text } = this.#options;
    const worker = cluster.fork();
    slot.worker = worker;
    return new Promise((resolve, reject) => {
      let reason: string | undefined;
      const end = (code: number | null, signal: string | null): void => {
        if (slot.worker !== worker) return;
        this.#leave(slot);
        reject(new Failure(reason ?? 'a worker ended before it served'));
        this.#ended(slot, { code, signal, reason });
      };
      worker.on('error', (error) => {
        logger.debug({ error, slot: number }, 'a message to a worker was lost');
        // One that never came to be has no end of its own.
        if (worker.process.pid === undefined) end(null, null);
      });
      worker.once('exit', end);
      worker.on('message', (message: FromWorker) => {
        // Said before its end and heard after it: the place is another one's by now.
        if (slot.worker !== worker) return;
        if (message.kind === 'failed') reason = message.message;
        if (message.kind === 'ready' || message.kind === 'alive') this.#pulse.beat(number, performance.now());
        if (message.kind === 'ready') resolve(this.#serves(slot, message.addresses));
      });
      tell(worker, { kind: 'start', path, text, slot: number });
    });
  }

  /** From now on a worker that ends is started again, and one that is silent is ended. */
  keepAlive(): void {
    this.#keeping = true;
    this.#watch = setInterval(() => this.#endSilent(), this.#limits.lookMs);
    for (const slot of this.#slots) if (slot.worker === undefined) this.#again(slot);
  }

  status(): { serving: boolean[]; restarts: number } {
    return { serving: this.#slots.map(({ serving }) => serving), restarts: this.#restarts };
  }

  metrics(): Promise<string[]> {
    return this.#question.ask(this.#slots.flatMap(({ serving, worker }) => (serving && worker ? [worker] : [])));
  }

  async stop(): Promise<boolean> {
    this.#stopping = true;
    clearInterval(this.#watch);
    for (const { timer } of this.#slots) clearTimeout(timer);
    const running = this.#slots.flatMap(({ worker }) => (worker ? [worker] : []));
    const ended = Promise.all(running.map((worker) => exitOf(worker)));
    for (const worker of running) tell(worker, { kind: 'stop' });
    let clean = true;
    const deadline = setTimeout(() => {
      clean = false;
      for (const worker of running) worker.process.kill('SIGKILL');
    }, this.#limits.stopMs);
    await ended;
    clearTimeout(deadline);
    return clean;
  }

  #serves(slot: Slot, addresses: readonly string[]): readonly string[] {
    slot.serving = true;
    this.#options.logger.info({ slot: slot.number, pid: slot.worker?.process.pid }, 'a worker serves');
    slot.timer = setTimeout(() => {
      slot.ends = 0;
      slot.failures = 0;
    }, this.#limits.settledMs);
    slot.timer.unref();
    return addresses;
  }

  #leave(slot: Slot): void {
    clearTimeout(slot.timer);
    slot.worker = undefined;
    slot.serving = false;
    this.#pulse.forget(slot.number);
  }

  #ended(slot: Slot, { code, signal, reason }: End): void {
    if (this.#stopping || !this.#keeping) return;
    const how = { slot: slot.number, code, signal, ...(reason === undefined ? {} : { reason }) };
    this.#options.logger.error(how, 'a worker ended; another takes its place');
    if (signal !== 'SIGKILL' && signal !== 'SIGTERM') slot.failures += 1;
    this.#again(slot);
    const { maxFailures } = this.#limits;
    if (this.#slots.some(({ serving, failures }) => serving || failures < maxFailures)) return;
    const last = reason ?? (signal === null ? `exit code ${code}` : `by ${signal}`);
    this.#lost.resolve(new Failure(`no worker stays: each ended ${maxFailures} times in a row, the last one: ${last}`));
  }

  #again(slot: Slot): void {
    const { firstPauseMs, maxPauseMs } = this.#limits;
    const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(slot.ends, 16), maxPauseMs);
    slot.ends += 1;
    slot.timer = setTimeout(() => {
      this.#restarts += 1;
      // Its end is heard in #ended, which tries again.
      this.launch(slot.number).catch(() => undefined);
    }, pauseMs);
  }

  #endSilent(): void {
    for (const number of this.#pulse.silent(performance.now())) {
      const { worker } = this.#slot(number);
      const pid = worker?.process.pid;
      this.#options.logger.error(
        { slot: number, pid },
        'a worker gives no sign of life: it is paused or stuck, and is ended',
      );
      this.#pulse.forget(number);
      // Whoever is stopped hears no other signal.
      worker?.process.kill('SIGKILL');
    }
  }

  #slot(number: number): Slot {
    const slot = this.#slots[number - 1];
    if (slot === undefined) throw new RangeError(`no worker ${number}`);
    return slot;
  }
}

function exitOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) resolve();
    else worker.once('exit', () => resolve());
  });
}
