import { type Closables, createMetrics } from '@sigstead/platform';
import type { DevOidc } from '@sigstead/dev-oidc';
import type { TufRootHandle } from '@sigstead/tuf-root';
import { openMetrics } from '../serve/listeners.ts';
import { migrateAll } from '../serve/migrations.ts';
import { logSpec, openLogs } from '../serve/services/logs.ts';
import { loadMaterials } from '../serve/services/materials.ts';
import { connectionsOf } from '../serve/config/connection.ts';
import { serveLogger } from '../serve/workers/process.ts';
import { serveAlone, type ServingAlone } from '../serve/workers/start.ts';
import type { Generated } from './configuration.ts';
import type { Ground } from './ground.ts';
import type { Progress } from './progress.ts';

export interface DevServices {
  readonly serving: ServingAlone;
  readonly oidc: DevOidc;
  readonly tuf: TufRootHandle;
}

export interface ServicesInput {
  readonly ground: Ground;
  readonly generated: Generated;
  readonly version: string;
  /** Until the instance has passed its self-test; a known one whose logs are missing must not get new ones. */
  readonly createLogs: boolean;
  readonly open: Closables;
  readonly progress: Progress;
  readonly writeError: (text: string) => void;
}

/** What an operator of `sigstead serve` does by hand, in the same steps: migrate, create the logs, serve. Throws a Failure. */
export async function startServices(input: ServicesInput): Promise<DevServices> {
  const { ground, generated, version, open, progress } = input;
  await progress.step('preparing the database', async () => {
    await migrateAll({ ...generated, logger: ground.logger });
    if (input.createLogs) await createLogs(input);
  });
  const serving = await progress.step('starting the services', () =>
    serveAlone({ ...generated, version, writeError: input.writeError, beforeListen: () => releasePorts(ground) }),
  );
  open.defer(async () => {
    await serving.stop();
  });
  await ground.heldMetrics.release();
  const { metrics } = generated.config.file;
  if (metrics !== undefined) open.use(await openMetrics(metrics.listen, ground.logger, () => serving.metrics()));
  const { devOidc, tuf } = serving.services;
  if (devOidc === undefined || tuf === undefined) throw new TypeError('the generated configuration lacks a part');
  return { serving, oidc: devOidc, tuf };
}

async function releasePorts({ held, heldGrpc }: Ground): Promise<void> {
  await Promise.all([held.release(), heldGrpc?.release()]);
}

/** The self-test makes their first entries. */
async function createLogs({ generated, version, writeError }: ServicesInput): Promise<void> {
  const { config, env } = generated;
  const materials = await loadMaterials(config);
  const { migrating: connectionString } = await connectionsOf(config, env);
  const logger = serveLogger(config, 'primary', writeError);
  const options = { config, materials, connectionString, version, slot: 1, shared: false, logger };
  const specs = config.file.logs.map((log) => ({ ...logSpec(config, materials, log), create: true }));
  const handle = await openLogs({ ...options, metrics: createMetrics() }, specs);
  await handle.close();
}
