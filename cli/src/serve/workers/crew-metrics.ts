import type { Worker } from 'node:cluster';
import type { FromWorker, ToWorker } from './messages.ts';

const ANSWER_MS = 2_000;

/** Asks workers for their metrics; one that does not answer in time is left out. */
export class MetricsQuestion {
  #asked = 0;

  async ask(workers: readonly Worker[]): Promise<string[]> {
    const texts = await Promise.all(workers.map((worker) => this.#askOne(worker)));
    return texts.filter((text) => text !== undefined);
  }

  #askOne(worker: Worker): Promise<string | undefined> {
    this.#asked += 1;
    const id = this.#asked;
    return new Promise((resolve) => {
      const done = (text: string | undefined): void => {
        clearTimeout(late);
        worker.off('message', hear);
        worker.off('exit', gone);
        resolve(text);
      };
      const late = setTimeout(() => done(undefined), ANSWER_MS);
      const gone = (): void => done(undefined);
      const hear = (message: FromWorker): void => {
        if (message.kind === 'metrics' && message.id === id) done(message.text);
      };
      worker.on('message', hear);
      worker.once('exit', gone);
      tell(worker, { kind: 'metrics', id });
    });
  }
}

/** A worker that is gone meanwhile hears nothing. */
export function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message);
}
