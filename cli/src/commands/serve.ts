import cluster from 'node:cluster';
import { Closables } from '@sigstead/platform';
import type { ServeFlags } from '../flags/serve.ts';
import { prepareReadyFile } from '../dev/ready-file.ts';
import { type StopIo, watchSupervised } from '../dev/stop.ts';
import { Failure } from '../failure.ts';
import type { Environment } from '../serve/config/connection.ts';
import { readServeConfig, type ServeConfig } from '../serve/config/load.ts';
import { openMetrics } from '../serve/listeners.ts';
import { migrateAll, refusePending } from '../serve/migrations.ts';
import { prepareStateFolder } from '../serve/services/logs.ts';
import { serveLogger } from '../serve/workers/process.ts';
import { type ServingAll, startAll } from '../serve/workers/start.ts';
import { runWorker } from '../serve/workers/worker.ts';

export interface ServeIo extends StopIo {
  readonly env: Environment;
  readonly version: string;
  /** Program that understands the same words as this one. */
  readonly main: string;
  readonly write: (text: string) => void;
}

/** Workers get 20 s to answer what is under way and end. */
const STOP_DEADLINE_MS = 30_000;

/** Serves until a signal says stop. Returns when everything is closed; throws a Failure. */
export async function serveCommand(flags: ServeFlags, io: ServeIo): Promise<void> {
  if (cluster.isWorker) return runWorker(io);
  // Also when it is stopped while it starts, and the start hangs.
  const stop = watchSupervised(STOP_DEADLINE_MS, io);
  const open = new Closables();
  let stopping = false;
  void stop.stopped.then(() => {
    stopping = true;
  });
  try {
    const serving = await start(flags, io, { open, stopping: () => stopping });
    if (serving === undefined) return;
    const lost = await Promise.race([stop.stopped.then(() => undefined), serving.lost]);
    const clean = await serving.stop();
    if (lost !== undefined) throw lost;
    if (!clean) throw new Failure('some workers did not end in time and were killed');
  } finally {
    await open.close();
    stop.close();
  }
}

/** What `--ready-file` holds. Members are only ever added. */
interface ServeReport {
  readonly pid: number;
  readonly workers: number;
  readonly addresses: readonly string[];
}

interface Start {
  readonly open: Closables;
  readonly stopping: () => boolean;
}

/** Resolves with undefined when it was stopped before anything served. */
async function start(flags: ServeFlags, io: ServeIo, { open, stopping }: Start): Promise<ServingAll | undefined> {
  const readyFile = flags.readyFile === undefined ? undefined : await prepareReadyFile<ServeReport>(flags.readyFile);
  const config = await readServeConfig(flags.config);
  const size = sizeOf(flags, config);
  const logger = serveLogger(config, 'primary', io.writeError);
  await prepareStateFolder(config);
  const { database, metrics } = config.file;
  if (database?.migrate === 'on-start') {
    const applied = await migrateAll({ config, env: io.env, logger });
    if (applied.length > 0) logger.info({ applied }, 'the database was migrated');
  } else if (database !== undefined) {
    await refusePending({ config, env: io.env, logger });
  }
  if (stopping()) return undefined;
  const args = ['serve', '--config', config.path];
  const serving = await startAll({ ...io, config, size, logger, exec: io.main, args });
  try {
    if (metrics !== undefined) open.use(await openMetrics(metrics.listen, logger, () => serving.metrics()));
    io.write(serving.screen);
    if (readyFile !== undefined) {
      await readyFile.write({ pid: io.process.pid, workers: size, addresses: serving.addresses });
      open.defer(() => readyFile.remove());
    }
  } catch (error) {
    await serving.stop();
    throw error;
  }
  return serving;
}

function sizeOf(flags: ServeFlags, { file }: ServeConfig): number {
  const size = flags.workers ?? file.workers;
  if (size > 1 && file.devOidc !== undefined) {
    throw new Failure('--workers: devOidc keeps its login codes in memory: one process only');
  }
  return size;
}
