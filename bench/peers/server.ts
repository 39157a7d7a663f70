/**
 * For `npm run bench:peers` only: a raw `/add` in front of the log engine, as Tessera's conformance server has one. The body
 * is the leaf, its SHA-256 the identity; the answer is the index and the signed checkpoint that covers it. No entry is
 * parsed and no client's signature verified, so this is no way into a log. One JSON argument; prints its port.
 */
import { createPrivateKey, hash } from 'node:crypto';
import { localSigner } from '@sigstead/keys';
import {
  createLog,
  engineMetrics,
  LOG_MIGRATIONS,
  LOG_SCHEMA,
  LogError,
  type OpenLog,
  openLog,
  postgresStore,
  type Receipt,
  rekorV2Personality,
  type StoredHead,
} from '@sigstead/log';
import { createTreeHasher } from '@sigstead/merkle';
import {
  createHttpServer,
  createMetrics,
  type HttpHandler,
  methodTable,
  migrate,
  openPool,
  silentLogger,
  systemClock,
} from '@sigstead/platform';

interface Argument {
  connectionString: string;
  origin: string;
  /** PEM. */
  key: string;
}

const { connectionString, origin, key } = JSON.parse(process.argv[2] ?? '') as Argument;
const NOTHING = new Uint8Array(0);
const sha256 = (data: Uint8Array): Uint8Array => Buffer.from(hash('sha256', data, 'latin1'), 'latin1');
const hasher = createTreeHasher(sha256);
const signer = localSigner(createPrivateKey(key));
const personality = rekorV2Personality({ origin, signer });
const metrics = createMetrics();

const pool = openPool({ connectionString, logger: silentLogger, max: 4 });
const log = await open();
const server = createHttpServer({ logger: silentLogger, metrics });
methodTable(server.app, '/add', { POST: adder(log) });
server.app.get('/leaf/:index', async (request, reply) => {
  const begin = Number((request.params as { index: string }).index);
  const [record] = await log.store.records({ begin, end: begin + 1 });
  return reply.header('content-type', 'application/octet-stream').send(Buffer.from(record?.leaf ?? NOTHING));
});
const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${port}\n`);
process.once(
  'SIGTERM',
  () =>
    void server
      .close({ deadlineMs: 1000 })
      .then(() => log.close())
      .then(() => pool.end()),
);

async function open(): Promise<OpenLog> {
  await migrate({ pool, schema: LOG_SCHEMA, migrations: LOG_MIGRATIONS });
  const claim = { size: 0, root: hasher.empty(), timestampMs: Date.now() };
  const genesis = { ...claim, note: await personality.signHead(claim) };
  const logId = await createLog(pool, { name: 'peer', origin, kind: 'rekor-v2', keySpki: signer.spki }, genesis);
  return openLog({
    name: 'peer',
    hasher,
    personality,
    store: postgresStore({ connectionString, pool, logId }),
    clock: systemClock,
    logger: silentLogger,
    metrics: engineMetrics(metrics, 'peer'),
  });
}

/** Nothing but the engine's own time and the server's. */
function adder(to: OpenLog): HttpHandler {
  // All answers of a batch show the same checkpoint.
  let shown: { head: StoredHead | undefined; text: string } = { head: undefined, text: '' };
  return async (request, reply) => {
    const leaf = request.bytes;
    const submission = { identity: sha256(leaf), weight: leaf.length, leaf: () => ({ leaf, extra: NOTHING }) };
    const receipt = await to.sequencer.append(submission).catch((error: unknown) => error);
    if (receipt instanceof Error) return reply.code(receipt instanceof LogError ? 503 : 500).send('');
    const { index, head = to.tree.published.head } = receipt as Receipt & { head?: StoredHead };
    if (head !== shown.head) shown = { head, text: Buffer.from(head.note).toString('utf8') };
    return reply.send(`${index}\n\n${shown.text}`);
  };
}
