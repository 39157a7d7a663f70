/**
 * One server process of the log, as it runs in production: the composed service behind a listener. Arguments as JSON in
 * argv. Prints its port once it serves; ends when its standard input does, so that none outlives the test.
 */
import { flushCompileCache } from 'node:module';
import { signerFromPem } from '@sigstead/keys';
import { composeLog } from '@sigstead/log';
import { createHttpServer, createLogger, createMetrics, systemClock } from '@sigstead/platform';

export interface WriterArguments {
  connectionString: string;
  origin: string;
  keyPem: string;
  markFile: string;
}

const given = JSON.parse(process.argv[2] ?? '') as WriterArguments;
const logger = createLogger({ service: 'writer', level: 'error', stream: process.stderr });
const metrics = createMetrics();
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();
const log = await composeLog({
  connectionString: given.connectionString,
  logger,
  metrics,
  clock: systemClock,
  requireDurableDatabase: true,
  checkpointAgeMs: 0,
  logs: [
    {
      name: 'fault',
      origin: given.origin,
      kind: 'rekor-v2',
      signer: signerFromPem(given.keyPem),
      create: true,
      markFile: given.markFile,
    },
  ],
});
const server = createHttpServer({ logger, metrics });
await server.app.register(log.routes);
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${port}\n`);
// The lives that follow begin sooner; kill -9 leaves no moment to write it later.
flushCompileCache();
