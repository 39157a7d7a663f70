/** A process that serves the CT log `ct1` of a database, beside others; prints its port. Arguments: connection string, key, root. */
import { signerFromPem } from '@sigstead/keys';
import { createHttpServer, createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { composeLog } from '../../src/index.ts';

const [connectionString = '', key = '', root = ''] = process.argv.slice(2);
const handle = await composeLog({
  connectionString,
  logger: silentLogger,
  metrics: createMetrics(),
  clock: systemClock,
  // What is shown by one of them is shown by all.
  checkpointAgeMs: 0,
  logs: [
    {
      name: 'ct1',
      origin: 'ct.example.com/1',
      kind: 'ct',
      signer: signerFromPem(Buffer.from(key, 'base64').toString()),
      acceptedRoots: [Buffer.from(root, 'base64')],
      leafIndex: true,
      create: true,
    },
  ],
});
const server = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
await server.app.register(handle.routes);
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${port}\n`);
