import { createHttpServer, createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { composeLog, type LogHandle, type LogSpec } from '../../src/index.ts';

/** For a program of its own: serves one log, and prints the port. What one such process has shown, all show. */
export async function serveAlone(
  connectionString: string,
  log: LogSpec,
): Promise<{ handle: LogHandle; server: ReturnType<typeof createHttpServer> }> {
  const metrics = createMetrics();
  const clock = systemClock;
  const handle = await composeLog({
    connectionString,
    logger: silentLogger,
    metrics,
    clock,
    checkpointAgeMs: 0,
    logs: [log],
  });
  const server = createHttpServer({ logger: silentLogger, metrics });
  await server.app.register(handle.routes);
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  process.stdout.write(`${port}\n`);
  return { handle, server };
}
