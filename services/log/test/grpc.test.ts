import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeGatewayBody, decodeWire, encodeWire, type ProtoMessage } from '@sigstead/formats';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { createGrpcServer, createMetrics, type GrpcServer, type Metrics, silentLogger } from '@sigstead/platform';
import { GrpcClient, type GrpcReply } from '@sigstead/test';
import { TRANSPARENCY_LOG_ENTRY } from '../src/core/rekor-v2/log-entry-message.ts';
import { CREATE_ENTRY } from '../src/core/rekor-v2/messages.ts';
import { QUEUE_LIMITS } from '../src/engine/queue.ts';
import { HTTP_BODY, TILE_REQUEST } from '../src/grpc/messages.ts';
import type { LogOptions } from '../src/index.ts';
import { dsse, hashedRekord, newKey } from './support/entries.ts';
import { send } from './support/raw-http.ts';
import { answerOf, post, treeSize, verified } from './support/rekor-client.ts';
import { startServer, type TestServer } from './support/server.ts';

const LIMITS = { maxBytes: 2 ** 23, maxFields: 10_000 };
const REKOR = '/dev.sigstore.rekor.v2.Rekor';
const log = { origin: 'log.example.com', signer: signerFromPem(generatePrivateKeyPem('ed25519')) };
const spec = { name: 'v2', kind: 'rekor-v2', ...log } as const;
const key = newKey();

/** One log over HTTP and over gRPC. */
interface Both {
  readonly http: TestServer;
  readonly grpc: GrpcServer;
  readonly client: GrpcClient;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

async function start(options: Partial<LogOptions> & { database?: TestServer['database'] } = {}): Promise<Both> {
  const http = await startServer({ logs: [{ ...spec, create: true }], ...options });
  const metrics = createMetrics();
  const { files, health } = http.handle.grpc('v2');
  const grpc = createGrpcServer({ logger: silentLogger, metrics, files, health: [health] });
  const client = new GrpcClient((await grpc.listen({ host: '127.0.0.1', port: 0 })).port);
  return {
    http,
    grpc,
    client,
    metrics,
    async close() {
      client.destroy();
      await grpc.close({ deadlineMs: 0 });
      await http.close();
    },
  };
}

let both: Both;
before(async () => {
  both = await start();
});
after(() => both.close());

/** The message that stands for a JSON request. */
const messageOf = (json: unknown): Buffer =>
  encodeWire(CREATE_ENTRY, decodeGatewayBody(CREATE_ENTRY, JSON.stringify(json), { unknown: 'reject' }));
const create = (json: unknown, to = both): Promise<GrpcReply> =>
  to.client.call(`${REKOR}/CreateEntry`, messageOf(json));
const entryOf = ({ messages }: GrpcReply): ProtoMessage<typeof TRANSPARENCY_LOG_ENTRY> =>
  decodeWire(TRANSPARENCY_LOG_ENTRY, messages[0] ?? Buffer.alloc(0), LIMITS);

/** As protojson writes it, with all that is not set. */
function jsonOf(entry: ProtoMessage<typeof TRANSPARENCY_LOG_ENTRY>): unknown {
  const base64 = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  const { inclusionProof: proof } = entry;
  return {
    logIndex: String(entry.logIndex ?? 0n),
    logId: { keyId: base64(entry.logId?.keyId) },
    kindVersion: entry.kindVersion,
    integratedTime: String(entry.integratedTime ?? 0n),
    inclusionPromise: entry.inclusionPromise ?? null,
    inclusionProof: {
      logIndex: String(proof?.logIndex ?? 0n),
      rootHash: base64(proof?.rootHash),
      treeSize: String(proof?.treeSize ?? 0n),
      hashes: (proof?.hashes ?? []).map(base64),
      checkpoint: proof?.checkpoint,
    },
    canonicalizedBody: base64(entry.canonicalizedBody),
  };
}

test('B32 gRPC CreateEntry gives the same leaf and the same answer as HTTP, for an entry with index 0 too', async () => {
  for (const request of [hashedRekord(key, 'B32 first'), hashedRekord(key, 'B32 second'), dsse(key, 'B32 third')]) {
    const reply = await create(request);
    assert.deepEqual([reply.code, reply.text], [0, 'OK']);
    const answer = jsonOf(entryOf(reply));
    const again = await post(both.http.port, request);
    const { leaf } = verified(again, log);
    assert.deepEqual(answer, answerOf(again));
    assert.deepEqual(Buffer.from(entryOf(reply).canonicalizedBody ?? []), leaf);
  }
});

test('B32 an entry that came over HTTP is a duplicate over gRPC, in one tree', async () => {
  const request = hashedRekord(key, 'B32 over HTTP');
  const first = verified(await post(both.http.port, request), log);
  const size = await treeSize(both.http.port);
  assert.equal(String(entryOf(await create(request)).logIndex), first.logIndex);
  assert.equal(await treeSize(both.http.port), size);
});

test('B32 health: the log is SERVING while it is ready', async () => {
  const asked = encodeWire({ service: { number: 1, kind: 'string' } }, { service: 'dev.sigstore.rekor.v2.Rekor' });
  const { code, messages } = await both.client.call('/grpc.health.v1.Health/Check', asked);
  assert.deepEqual([code, messages[0]?.toString('hex')], [0, '0801']);
});

test('what is refused over HTTP is refused over gRPC, with upstream\u2019s codes and texts', async () => {
  const bad = hashedRekord(key, 'bad');
  bad.hashedRekordRequestV002.digest = Buffer.alloc(32).toString('base64');
  const short = hashedRekord(key, 'short');
  short.hashedRekordRequestV002.digest = Buffer.alloc(31).toString('base64');
  const size = await treeSize(both.http.port);
  const invalid = 'invalid hashedrekord request';
  const none = 'invalid type, must be hashedrekord';
  for (const [request, text] of [
    [bad, invalid],
    [short, invalid],
    [{ hashedRekordRequestV002: {} }, invalid],
    [{}, none],
    [dsse(key, 'two', 2), none],
  ] as const) {
    const reply = await create(request);
    assert.deepEqual([reply.code, reply.text, reply.messages.length], [3, text, 0]);
  }
  const { code, text } = await both.client.call(`${REKOR}/CreateEntry`, Buffer.from([0x0a, 0x05]));
  assert.deepEqual(
    [code, text],
    [13, 'grpc: error unmarshalling request: proto: cannot parse invalid wire-format data'],
  );
  assert.equal(await treeSize(both.http.port), size);
});

test('unknown fields are passed over, as protobuf does: the leaf is the same', async () => {
  const request = hashedRekord(key, 'with more');
  const entry = entryOf(await create(request));
  const more = Buffer.concat([Buffer.from('7a03616263f80601', 'hex'), messageOf(request)]);
  const again = entryOf(await both.client.call(`${REKOR}/CreateEntry`, more));
  assert.deepEqual([again.logIndex, again.canonicalizedBody], [entry.logIndex, entry.canonicalizedBody]);
});

test('a log with duplicates: conflict answers AlreadyExists with x-log-index in the header', async () => {
  const own = await start({ logs: [{ ...spec, create: true, duplicates: 'conflict' }] });
  try {
    const request = hashedRekord(key, 'twice');
    await create(hashedRekord(key, 'once'), own);
    assert.equal((await create(request, own)).code, 0);
    const reply = await create(request, own);
    const text = 'an equivalent entry already exists in the transparency log with index 1';
    assert.deepEqual([reply.code, reply.text, reply.headers['x-log-index']], [6, text, '1']);
  } finally {
    await own.close();
  }
});

test('a read-only log answers Unimplemented, "log frozen", and its reads go on', async () => {
  const { database } = both.http;
  const own = await start({ database, logs: [{ ...spec, readOnly: true }] });
  try {
    const reply = await create(hashedRekord(key, 'closed'), own);
    assert.deepEqual([reply.code, reply.text], [12, 'log frozen']);
    assert.equal((await own.client.call(`${REKOR}/GetCheckpoint`, Buffer.alloc(0))).code, 0);
  } finally {
    await own.close();
  }
});

test('a full queue answers Unavailable with the text that clients wait for, and uses no index', async () => {
  const own = await start({ logs: [{ ...spec, create: true }], queue: { ...QUEUE_LIMITS, maxEntries: 0 } });
  try {
    const reply = await create(hashedRekord(key, 'too many'), own);
    assert.deepEqual([reply.code, reply.text], [14, 'reached max pushback; retry']);
    assert.equal(await treeSize(own.http.port), 0);
  } finally {
    await own.close();
  }
});

test('checkpoint, tiles and entry bundles have the same bytes as over HTTP; what is not there is NotFound', async () => {
  const body = async (method: string, message: Uint8Array) => {
    const reply = await both.client.call(`${REKOR}/${method}`, message);
    return { ...reply, body: decodeWire(HTTP_BODY, reply.messages[0] ?? Buffer.alloc(0), LIMITS) };
  };
  const get = async (path: string): Promise<Buffer> => (await send(both.http.port, { method: 'GET', path })).body;
  const size = await treeSize(both.http.port);
  const checkpoint = (await body('GetCheckpoint', Buffer.alloc(0))).body;
  assert.equal(checkpoint.contentType, 'text/plain; charset=utf-8');
  assert.deepEqual(Buffer.from(checkpoint.data ?? []), await get('/checkpoint'));
  const tile = (L: number, N: string) => body('GetTile', encodeWire(TILE_REQUEST, { L, N }));
  const N = `000.p/${size}`;
  const found = (await tile(0, N)).body;
  assert.equal(found.contentType, 'application/octet-stream');
  assert.deepEqual(Buffer.from(found.data ?? []), await get(`/tile/0/${N}`));
  const bundle = await body('GetEntryBundle', encodeWire({ N: { number: 1, kind: 'string' } }, { N }));
  assert.deepEqual(Buffer.from(bundle.body.data ?? []), await get(`/tile/entries/${N}`));
  const nowhere = [
    [0, '001'],
    [0, '000.p/0'],
    [0, '../checkpoint'],
    [64, '000'],
    [0, ''],
    [0, 'x000/000'],
    [1, '000'],
  ] as const;
  for (const [L, name] of nowhere) {
    const { code, text } = await tile(L, name);
    assert.deepEqual([code, text], [5, 'Not Found'], name);
  }
});

test('a caller\u2019s deadline ends the wait; whether the entry is in, the next try tells', async () => {
  const request = hashedRekord(key, 'in a hurry');
  const reply = await both.client.call(`${REKOR}/CreateEntry`, messageOf(request), { 'grpc-timeout': '1u' });
  assert.equal(reply.code, 4);
  assert.equal((await create(request)).code, 0);
});

test('fifty callers with one entry, over both: one leaf, one index', async () => {
  const request = hashedRekord(key, 'all at once');
  const size = await treeSize(both.http.port);
  const calls = Array.from({ length: 25 }, async () => String(entryOf(await create(request)).logIndex));
  const posts = Array.from({ length: 25 }, async () => verified(await post(both.http.port, request), log).logIndex);
  assert.deepEqual([...new Set(await Promise.all([...calls, ...posts]))], [String(size)]);
  assert.equal(await treeSize(both.http.port), size + 1);
});

test('sizes of requests are measured under the name that dashboards know', async () => {
  const text = await both.http.metrics.text();
  assert.match(
    text,
    /rekor_v2_grpc_api_request_size_count\{grpc_service="dev\.sigstore\.rekor\.v2\.Rekor",grpc_method="CreateEntry",grpc_packet_part="payload"\} \d+/,
  );
  assert.match(
    await both.metrics.text(),
    /grpc_server_handled_total\{grpc_type="unary",grpc_service="dev\.sigstore\.rekor\.v2\.Rekor",grpc_method="CreateEntry",grpc_code="OK"\} \d+/,
  );
});

test('a CT log has no gRPC', () => {
  assert.throws(() => both.http.handle.grpc('nope'), /no log "nope" runs here/);
});
