/** A process of its own that serves one Rekor v2 log, and prints its port. */
import { createHttpServer, createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { signerFromPem } from '@sigstead/keys';
import { composeLog, type Duplicates } from '../../src/index.ts';

const [connectionString = '', key = '', origin = '', duplicates = ''] = process.argv.slice(2);
const metrics = createMetrics();
const handle = await composeLog({
  connectionString,
  logger: silentLogger,
  metrics,
  clock: systemClock,
  checkpointAgeMs: 0,
  logs: [
    {
      name: 'v2',
      kind: 'rekor-v2',
      origin,
      signer: signerFromPem(Buffer.from(key, 'base64').toString()),
      duplicates: duplicates as Duplicates,
    },
  ],
});
const server = createHttpServer({ logger: silentLogger, metrics });
await server.app.register(handle.routes);
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${port}\n`);
process.once('SIGTERM', () => void server.close().then(() => handle.close()));
