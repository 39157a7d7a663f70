/**
 * One server process of the log, as it runs in production: the composed service behind a listener. Arguments as JSON in
 * argv. Prints its port once it serves; ends when its standard input does, so that none outlives the test.
 */
import { flushCompileCache } from 'node:module';
import { type Signer, signerFromPem } from '@sigstead/keys';
import { composeLog, type QueueLimits } from '@sigstead/log';
import { createHttpServer, createLogger, createMetrics, systemClock } from '@sigstead/platform';

export interface WriterArguments {
  connectionString: string;
  origin: string;
  keyPem: string;
  markFile: string;
  queue?: QueueLimits;
}

const given = JSON.parse(process.argv[2] ?? '') as WriterArguments;
const logger = createLogger({ service: 'writer', level: 'error', stream: process.stderr });
const metrics = createMetrics();
process.stdin.on('end', () => process.kill(process.pid, 'SIGKILL')).resume();
let stopInTransaction = false;
process.on('SIGUSR2', () => {
  stopInTransaction = true;
});
const log = await composeLog({
  connectionString: given.connectionString,
  logger,
  metrics,
  clock: systemClock,
  requireDurableDatabase: true,
  checkpointAgeMs: 0,
  ...(given.queue === undefined ? {} : { queue: given.queue }),
  logs: [
    {
      name: 'fault',
      origin: given.origin,
      kind: 'rekor-v2',
      signer: stoppingSigner(signerFromPem(given.keyPem)),
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

/** A head is signed inside the transaction that stores it: who stops there holds the log's lock. */
function stoppingSigner(signer: Signer): Signer {
  const { algorithm, spki, publicKey } = signer;
  return {
    algorithm,
    spki,
    publicKey,
    sign(message) {
      if (stopInTransaction) {
        stopInTransaction = false;
        process.kill(process.pid, 'SIGSTOP');
      }
      return signer.sign(message);
    },
  };
}
