import { createMetrics, type Logger } from '@sigstead/platform';
import type { Failure } from '../../failure.ts';
import type { Environment } from '../config/connection.ts';
import type { ServeConfig } from '../config/load.ts';
import type { ServeFile } from '../config/sections.ts';
import { startCrew } from './crew.ts';
import { mergeMetrics } from './merge-metrics.ts';
import type { ComposedServices } from '../services/compose.ts';
import { serveLogger, startServing } from './process.ts';

export interface StartAllOptions {
  readonly config: ServeConfig;
  readonly env: Environment;
  readonly version: string;
  /** How many processes serve. */
  readonly size: number;
  readonly exec: string;
  readonly args: readonly string[];
  readonly logger: Logger;
  readonly writeError: (text: string) => void;
}

/** All that serves, in this process or in workers. */
export interface ServingAll {
  readonly addresses: readonly string[];
  /** What a person should see now. */
  readonly screen: string;
  /** Resolves when nothing serves any more and nothing will. */
  readonly lost: Promise<Failure>;
  metrics(): Promise<string>;
  /** Resolves with false when something had to be killed. */
  stop(): Promise<boolean>;
}

/** One process serves by itself; several are workers of this one, which then sees no request. Throws a Failure. */
export async function startAll(options: StartAllOptions): Promise<ServingAll> {
  return options.size === 1 ? serveAlone(options) : serveWithCrew(options);
}

export interface AloneOptions extends Pick<StartAllOptions, 'config' | 'env' | 'version' | 'writeError'> {
  /** Called when all is built, right before the listeners open. */
  readonly beforeListen?: () => Promise<void>;
}

/** What serves in this process. */
export interface ServingAlone extends ServingAll {
  readonly services: ComposedServices;
}

/** Serves in this process. Throws a Failure; then nothing is left open. */
export async function serveAlone(options: AloneOptions): Promise<ServingAlone> {
  const logger = serveLogger(options.config, 1, options.writeError);
  const serving = await startServing({ ...options, slot: 1, shared: false, logger });
  return {
    addresses: serving.addresses,
    services: serving.services,
    screen: screen({ ...options, size: 1 }),
    lost: new Promise(() => undefined),
    metrics: async () => mergeMetrics([await serving.metrics(), await crewMetrics([true], 0)]),
    stop: async () => {
      await serving.close();
      return true;
    },
  };
}

async function serveWithCrew(options: StartAllOptions): Promise<ServingAll> {
  const { config, size, exec, args, logger } = options;
  const crew = await startCrew({ size, path: config.path, text: config.text, exec, args, logger });
  return {
    addresses: crew.addresses,
    screen: screen(options),
    lost: crew.lost,
    metrics: async () => {
      const { serving, restarts } = crew.status();
      return mergeMetrics([...(await crew.metrics()), await crewMetrics(serving, restarts)]);
    },
    stop: () => crew.stop(),
  };
}

function crewMetrics(serving: readonly boolean[], restarts: number): Promise<string> {
  const metrics = createMetrics();
  const up = metrics.gauge({ name: 'sigstead_worker_up', help: 'Whether the worker serves', labelNames: ['worker'] });
  serving.forEach((serves, i) => up.set({ worker: String(i + 1) }, serves ? 1 : 0));
  const name = 'sigstead_worker_restarts_total';
  metrics.counter({ name, help: 'Workers that were started again after one had ended' }).inc(restarts);
  return metrics.text();
}

function screen({ config, size, version }: Pick<StartAllOptions, 'config' | 'size' | 'version'>): string {
  const lines = partsOf(config.file).map(([part, url]) => `  ${part.padEnd(28)} ${url}\n`);
  const note =
    config.file.mode === 'development' ? 'It is a development instance: it certifies whatever it is told.\n' : '';
  return `Sigstead ${version} serves with ${size} ${size === 1 ? 'process' : 'workers'}\n${note}${lines.join('')}`;
}

/** Every configured service with its public URL. */
export function partsOf({ logs, ca, tsa, tuf, devOidc }: ServeFile): [part: string, publicUrl: string][] {
  const issuers = devOidc === undefined ? undefined : { publicUrl: `${devOidc.publicUrl}/oidc` };
  const named = Object.entries({ ca, tsa, tuf, issuers }).flatMap(([part, section]): [string, string][] =>
    section === undefined ? [] : [[part, section.publicUrl]],
  );
  return [...logs.map((log): [string, string] => [`log ${log.name} (${log.kind})`, log.publicUrl]), ...named];
}
