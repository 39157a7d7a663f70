import { createHttpServer, createMetrics, type Metrics, silentLogger, systemClock } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { composeLog, type LogHandle, type LogOptions } from '../../src/index.ts';

export interface TestServer {
  url: string;
  port: number;
  handle: LogHandle;
  metrics: Metrics;
  database: TestDatabase;
  close(): Promise<void>;
}

/** The log service behind a real listener on a real database. */
export async function startServer(
  options: Pick<LogOptions, 'logs'> & Partial<LogOptions> & { database?: TestDatabase },
): Promise<TestServer> {
  const { database: given, ...rest } = options;
  const database = given ?? (await testDatabase());
  const metrics = createMetrics();
  const handle = await composeLog({
    connectionString: database.connectionString,
    logger: silentLogger,
    metrics,
    clock: systemClock,
    health: true,
    ...rest,
  });
  const server = createHttpServer({ logger: silentLogger, metrics });
  await server.app.register(handle.routes);
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    handle,
    metrics,
    database,
    async close() {
      await server.close();
      await handle.close();
      if (given === undefined) await database.drop();
    },
  };
}
