/** A process of its own that serves a witnessed log; prints its port, and goes on until it is ended. */
import { parseWitnessPolicy } from '@sigstead/formats';
import { signerFromPem } from '@sigstead/keys';
import { createHttpServer, createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { composeLog } from '../../src/index.ts';

const [connectionString = '', settings = ''] = process.argv.slice(2);
const { pem, policy, ...pace } = JSON.parse(settings) as { pem: string; policy: string; mode: 'fail-closed' };
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
      origin: 'log.example.com',
      kind: 'rekor-v2',
      signer: signerFromPem(pem),
      create: true,
      witness: { policy: parseWitnessPolicy(policy), ...pace },
    },
  ],
});
const server = createHttpServer({ logger: silentLogger, metrics });
await server.app.register(handle.routes);
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${port}\n`);
