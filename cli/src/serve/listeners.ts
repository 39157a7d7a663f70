import {
  Closables,
  createGrpcServer,
  createHttpServer,
  createMetrics,
  ListenError,
  type Logger,
  type Metrics,
  methodTable,
} from '@sigstead/platform';
import { Failure } from '../failure.ts';
import type { ServeFile } from './config/sections.ts';
import type { ListenAddress } from './config/values.ts';
import { frontRoutes } from './front.ts';
import type { Site } from './services/compose.ts';
import type { GrpcSite } from './services/grpc-sites.ts';
import { welcomeText } from './welcome.ts';

/** Requests under way at the end get this long; a signature takes milliseconds. */
const DRAIN_MS = 10_000;

export interface SitesOptions {
  readonly sites: readonly Site[];
  readonly grpcSites: readonly GrpcSite[];
  readonly file: ServeFile;
  /** In a worker beside others. */
  readonly shared: boolean;
  readonly version: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Open listeners; close() answers what is under way, on all of them at once. */
export interface OpenSites {
  /** Where HTTP is answered, like `127.0.0.1:8080`. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

/** Opens one listener for each site, those of gRPC too. Throws a Failure; then none is left open. */
export async function openSites(options: SitesOptions): Promise<OpenSites> {
  let stopping = false;
  const servers: { close(): Promise<void> }[] = [];
  const addresses: string[] = [];
  const closeAll = async (): Promise<void> => {
    stopping = true;
    await Promise.all(servers.map((server) => server.close()));
  };
  try {
    for (const site of options.sites) {
      const { logger, metrics, shared } = options;
      const server = createHttpServer({ logger, metrics, cleanPaths: site.cleanPaths });
      servers.push({ close: () => server.close({ deadlineMs: DRAIN_MS }) });
      for (const routes of site.routes) await server.app.register(routes);
      const welcome = welcomeText(options.file, site.parts, options.version);
      await server.app.register(frontRoutes({ parts: site.parts, welcome, stopping: () => stopping }));
      addresses.push(...(await server.listen({ ...site.listen, shared })).addresses);
    }
    for (const { listen, tls, ...served } of options.grpcSites) {
      const { metrics, shared } = options;
      const logger = options.logger.child({ part: 'grpc' });
      const server = createGrpcServer({ ...served, logger, metrics, ...(tls === undefined ? {} : { tls }) });
      servers.push({ close: () => server.close({ deadlineMs: DRAIN_MS }) });
      await server.listen({ ...listen, shared });
    }
    return { addresses, close: closeAll };
  } catch (error) {
    await closeAll();
    throw listenFailure(error);
  }
}

/** Opens the listener of the metrics. Throws a Failure. */
export async function openMetrics(at: ListenAddress, logger: Logger, text: () => Promise<string>): Promise<Closables> {
  const server = createHttpServer({ logger, metrics: createMetrics() });
  methodTable(server.app, '/metrics', {
    GET: async (_request, reply) =>
      reply.header('content-type', 'text/plain; version=0.0.4; charset=utf-8').send(await text()),
  });
  const open = new Closables();
  open.defer(() => server.close({ deadlineMs: 1_000 }));
  try {
    await server.listen(at);
    return open;
  } catch (error) {
    await open.close();
    throw listenFailure(error);
  }
}

function listenFailure(error: unknown): unknown {
  if (!(error instanceof ListenError)) return error;
  return new Failure(`${error.message}: change it in the configuration, or free it`, { cause: error });
}
