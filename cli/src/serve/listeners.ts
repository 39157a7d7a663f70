import {
  Closables,
  createHttpServer,
  createMetrics,
  ListenError,
  type Logger,
  type Metrics,
  methodTable,
  type Routes,
  sendJson,
} from '@sigstead/platform';
import { Failure } from '../failure.ts';
import { readiness } from '../dev/front.ts';
import type { ListenAddress } from './config/values.ts';
import type { Site } from './services/compose.ts';

/** Requests under way at the end get this long; a signature takes milliseconds. */
const DRAIN_MS = 10_000;

export interface SitesOptions {
  readonly sites: readonly Site[];
  /** In a worker beside others. */
  readonly shared: boolean;
  readonly version: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Open listeners; close() answers what is under way, on all of them at once. */
export interface OpenSites {
  /** Like `127.0.0.1:8080`. */
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

/** Opens one listener for each site. Throws a Failure; then none is left open. */
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
      await server.app.register(frontRoutes(site, options.version, () => stopping));
      addresses.push(...(await server.listen({ ...site.listen, shared })).addresses);
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

/** Health of this process: what belongs to a listener and not to one service. */
function frontRoutes({ parts }: Site, version: string, stopping: () => boolean): Routes {
  return async (app) => {
    methodTable(app, '/healthz', { GET: (_request, reply) => sendJson(reply, 200, { status: 'SERVING' }) });
    methodTable(app, '/ping', {
      GET: (_request, reply) => reply.header('content-type', 'text/plain; charset=utf-8').send('.'),
    });
    methodTable(app, '/readyz', {
      GET: async (_request, reply) => {
        const report = await readiness({ parts, stopping });
        reply.header('cache-control', 'no-store');
        return sendJson(reply, report.ready ? 200 : 503, report);
      },
    });
    methodTable(app, '/', {
      GET: (_request, reply) =>
        reply.header('content-type', 'text/plain; charset=utf-8').send(`Sigstead ${version}: ${names(parts)}\n`),
    });
  };
}

function names(parts: Site['parts']): string {
  return parts.map(({ name }) => name).join(', ');
}

function listenFailure(error: unknown): unknown {
  if (!(error instanceof ListenError)) return error;
  return new Failure(`${error.message}: change it in the configuration, or free it`, { cause: error });
}
