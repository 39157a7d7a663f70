import {
  createHttpServer,
  createMetrics,
  type HttpServer,
  type Logger,
  type Metrics,
  methodTable,
  type Routes,
} from '@sigstead/platform';
import { TSA_CLEAN_PATHS } from '@sigstead/tsa';
import { listenFailure } from './port.ts';

export interface Listening {
  readonly port: number;
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly routes: readonly Routes[];
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Requests under way at the end get this long; a signature takes milliseconds. */
const DRAIN_MS = 8_000;

/** Opens the one origin of all services. Throws a Failure. */
export async function serve(options: ServeOptions): Promise<Listening> {
  const server = createHttpServer({ logger: options.logger, metrics: options.metrics, cleanPaths: TSA_CLEAN_PATHS });
  for (const routes of options.routes) await server.app.register(routes);
  return listen(server, { host: options.host, port: options.port }, '--port');
}

/** Opens the metrics, on loopback whatever the services listen on. Throws a Failure. */
export async function serveMetrics(port: number, metrics: Metrics, logger: Logger): Promise<Listening> {
  const server = createHttpServer({ logger, metrics: createMetrics() });
  methodTable(server.app, '/metrics', {
    GET: async (_request, reply) => reply.header('content-type', metrics.contentType).send(await metrics.text()),
  });
  return listen(server, { host: 'localhost', port }, '--metrics-port');
}

async function listen(server: HttpServer, at: { host: string; port: number }, flag: string): Promise<Listening> {
  try {
    const { port, addresses } = await server.listen(at);
    return { port, addresses, close: () => server.close({ deadlineMs: DRAIN_MS }) };
  } catch (error) {
    throw listenFailure(error, flag);
  }
}
