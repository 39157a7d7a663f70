import { createLogger, createMetrics, type Logger, type Metrics } from '@sigstead/platform';
import { type Environment, connectionsOf } from '../config/connection.ts';
import type { ServeConfig } from '../config/load.ts';
import { openSites } from '../listeners.ts';
import { type ComposedServices, composeServices } from '../services/compose.ts';
import { loadMaterials } from '../services/materials.ts';

export interface ProcessOptions {
  readonly config: ServeConfig;
  readonly env: Environment;
  readonly version: string;
  /** Number of this process, from 1. */
  readonly slot: number;
  /** Whether others listen on the same ports. */
  readonly shared: boolean;
  readonly logger: Logger;
  /** Called when all is built, right before the listeners open. */
  readonly beforeListen?: () => Promise<void>;
}

/** Services that answer in this process. */
export interface ServingProcess {
  readonly addresses: readonly string[];
  readonly services: ComposedServices;
  /** Metrics with the process's number as label. */
  metrics(): Promise<string>;
  /** Answers what is under way, then closes everything. */
  close(): Promise<void>;
}

/** Starts all that is configured, in this process. Throws a Failure; then nothing is left open. */
export async function startServing(options: ProcessOptions): Promise<ServingProcess> {
  const { config, env, logger, slot, shared, version } = options;
  const materials = await loadMaterials(config);
  const connectionString = config.file.database === undefined ? undefined : (await connectionsOf(config, env)).serving;
  const metrics = labelled(slot);
  const services = await composeServices({
    config,
    materials,
    connectionString,
    version,
    slot,
    shared,
    logger,
    metrics,
  });
  try {
    await options.beforeListen?.();
    const { sites: http, grpcSites } = services;
    const sites = await openSites({ sites: http, grpcSites, file: config.file, shared, version, logger, metrics });
    return {
      addresses: sites.addresses,
      services,
      metrics: () => metrics.text(),
      close: async () => {
        await sites.close();
        await services.close();
      },
    };
  } catch (error) {
    await services.close();
    throw error;
  }
}

function labelled(slot: number): Metrics {
  const metrics = createMetrics();
  metrics.registry.setDefaultLabels({ worker: String(slot) });
  return metrics;
}

/** JSON lines on stderr; every line names its process. */
export function serveLogger(config: ServeConfig, slot: number | 'primary', write: (line: string) => void): Logger {
  const logger = createLogger({ service: 'sigstead', level: config.file.logLevel, stream: { write } });
  return logger.child({ worker: slot });
}
