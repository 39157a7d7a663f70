import cluster from 'node:cluster';
import { messageOf } from '../../failure.ts';
import type { Environment } from '../config/connection.ts';
import { parseServeConfig } from '../config/load.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { BEAT_MS } from './pulse.ts';
import { type ServingProcess, serveLogger, startServing } from './process.ts';

export interface WorkerIo {
  readonly process: NodeJS.Process;
  readonly env: Environment;
  readonly version: string;
  readonly writeError: (text: string) => void;
  /** Ends the process at once. */
  readonly exitNow: (code: number) => never;
}

/**
 * One of several serving processes: starts when it is told, with the configuration that it is sent. It ends when it is
 * told, by a signal of its own, or when the first process is gone; each time what is under way is answered first.
 * Resolves when all is closed.
 */
export async function runWorker(io: WorkerIo): Promise<void> {
  const stop = Promise.withResolvers<void>();
  const start = Promise.withResolvers<ToWorker & { kind: 'start' }>();
  let serving: ServingProcess | undefined;
  io.process.on('message', (message: ToWorker) => {
    if (message.kind === 'start') start.resolve(message);
    else if (message.kind === 'stop') stop.resolve();
    else void answerMetrics(io, serving, message.id);
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) io.process.on(signal, () => stop.resolve());
  cluster.worker?.once('disconnect', () => {
    // Without this node:cluster would end the process here and now, with requests under way.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    stop.resolve();
  });
  const order = await Promise.race([start.promise, stop.promise]);
  if (order === undefined) return;
  try {
    const config = parseServeConfig(order.text, order.path);
    const logger = serveLogger(config, order.slot, io.writeError);
    serving = await startServing({ config, env: io.env, version: io.version, slot: order.slot, shared: true, logger });
  } catch (error) {
    // The first process says it, once for all.
    await send(io, { kind: 'failed', message: messageOf(error) });
    return io.exitNow(1);
  }
  await send(io, { kind: 'ready', addresses: serving.addresses });
  const beat = setInterval(() => void send(io, { kind: 'alive' }), BEAT_MS);
  await stop.promise;
  await serving.close();
  clearInterval(beat);
}

async function answerMetrics(io: WorkerIo, serving: ServingProcess | undefined, id: number): Promise<void> {
  if (serving !== undefined) await send(io, { kind: 'metrics', id, text: await serving.metrics() });
}

/** Resolves when the message is on its way; nobody hears it when the first process is gone. */
function send({ process }: WorkerIo, message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}
