import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { generatePrivateKeyPem, type Signer, signerFromPem } from '@sigstead/keys';
import { p256, requestOf } from './support/algorithms.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { send } from './support/raw-http.ts';
import { assertRefused, ENTRIES, post, treeSize, verified } from './support/rekor-client.ts';
import { startServer, type TestServer } from './support/server.ts';

const log = { origin: 'log.example.com', signer: signerFromPem(generatePrivateKeyPem('ed25519')) };
const spec = { name: 'v2', kind: 'rekor-v2', ...log } as const;
const key = newKey();
let server: TestServer;
before(async () => {
  server = await startServer({ logs: [{ ...spec, create: true }] });
});
after(() => server.close());

const MiB = 2 ** 20;
const TOO_LARGE = /^HTTP\/1\.1 400 [\s\S]*\{"code":3,"message":"http: request body too large","details":\[\]\}/;

/** Sends a head and then zeros, as long as the server takes them; what it answered. */
async function pour(head: string, bytes: number): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.write(`POST ${ENTRIES} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${head}\r\n\r\n`);
  const isChunked = head.includes('chunked');
  const piece = Buffer.concat([
    Buffer.from(isChunked ? '10000\r\n' : ''),
    Buffer.alloc(65_536, 48),
    Buffer.from(isChunked ? '\r\n' : ''),
  ]);
  for (let sent = 0; sent < bytes && !socket.destroyed && text === ''; sent += 65_536) {
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), closed]);
  }
  await closed;
  return text;
}

test('B24 a body over 4 MiB is refused while it arrives, with a length and without, and memory stays flat', async () => {
  const size = await treeSize(server.port);
  assert.match(await pour(`Content-Length: ${4 * MiB + 1}`, 4 * MiB + 1), TOO_LARGE);
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)), 5);
  const before_ = process.memoryUsage().arrayBuffers;
  try {
    const heads = Array.from({ length: 8 }, (_, i) =>
      i % 2 === 0 ? 'Transfer-Encoding: chunked' : `Content-Length: ${1024 * MiB}`,
    );
    for (const answer of await Promise.all(heads.map((head) => pour(head, 1024 * MiB))))
      assert.match(answer, TOO_LARGE);
  } finally {
    clearInterval(timer);
  }
  // Eight gibibytes were offered: at most the limit of each may lie here, and what the sockets of both ends hold.
  assert.ok(peak - before_ < 8 * 8 * MiB, `${(peak - before_) / MiB} MiB`);
  assert.equal(await treeSize(server.port), size);
  verified(await post(server.port, hashedRekord(key, 'after the flood')), log);
});

test('B24 a body of exactly 4 MiB is read and judged', async () => {
  const text = JSON.stringify(requestOf(p256('B24')));
  const answer = await post(server.port, Buffer.concat([Buffer.from(text), Buffer.alloc(4 * MiB - text.length, ' ')]));
  verified(answer, log);
});

/** Counts what it signs. */
function counted(signer: Signer): { signer: Signer; count: () => number } {
  let signed = 0;
  const sign: Signer['sign'] = (data) => {
    signed += 1;
    return signer.sign(data);
  };
  return { signer: { ...signer, sign }, count: () => signed };
}

test('B28 read-only: 405 with the text of upstream, reads go on, nothing is signed; unreadable JSON is 400 still', async (t) => {
  const { signer, count } = counted(log.signer);
  const { database } = server;
  const closed = await startServer({ logs: [{ ...spec, signer, readOnly: true }], database });
  t.after(() => closed.close());
  const checkpoint = (await send(server.port, { method: 'GET', path: '/checkpoint' })).body;
  for (const body of [hashedRekord(key, 'B28'), hashedRekord(key, 'after the flood'), {}]) {
    const answer = await post(closed.port, body);
    assert.equal(answer.status, 405);
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(answer.body.toString(), 'This log has been frozen, please switch to the latest log.\n');
  }
  assertRefused(await post(closed.port, Buffer.from('{')), 400, 3, /./);
  for (const path of ['/checkpoint', '/api/v2/checkpoint']) {
    assert.deepEqual((await send(closed.port, { method: 'GET', path })).body, checkpoint);
  }
  const tile = await send(closed.port, { method: 'GET', path: '/tile/entries/000.p/1' });
  assert.equal(tile.status, 200);
  assert.deepEqual(
    (await send(closed.port, { method: 'GET', path: '/healthz' })).body.toString(),
    '{"status":"SERVING"}',
  );
  assert.equal(count(), 0);
});

test('B28 a log that the operator has made read-only, and one frozen, answer the same in a process that served before', async (t) => {
  // Each look at the checkpoint asks the database first: the freeze is another process's.
  const own = await startServer({ logs: [{ ...spec, create: true }], checkpointAgeMs: 0 });
  const operator = await startServer({ logs: [{ ...spec, readOnly: true }], database: own.database });
  t.after(async () => {
    await operator.close();
    await own.close();
  });
  verified(await post(own.port, hashedRekord(key, 'while active')), log);
  for (const state of ['read-only', 'frozen'] as const) {
    await operator.handle.changeState('v2', state);
    assert.equal((await post(own.port, hashedRekord(key, `while ${state}`))).status, 405);
    // What is there is no exception: the log takes nothing.
    assert.equal((await post(own.port, hashedRekord(key, 'while active'))).status, 405);
  }
  const last = (await send(own.port, { method: 'GET', path: '/checkpoint' })).body.toString();
  assert.match(last, /^log\.example\.com\n1\n[^\n]+\nLog frozen \u2014 [^\n]+\n\n/);
});

test('B30 an entry is there within 2 s on an idle log, and within 4 s at 100 a second', async () => {
  const timed = async (message: string): Promise<number> => {
    const began = performance.now();
    verified(await post(server.port, hashedRekord(key, message)), log);
    return performance.now() - began;
  };
  const idle: number[] = [];
  for (let i = 0; i < 5; i++) idle.push(await timed(`idle ${i}`));
  assert.ok(Math.min(...idle) < 2000, String(idle));
  const under: Promise<number>[] = [];
  for (let i = 0; i < 100; i++) {
    under.push(timed(`at a rate ${i}`));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const slowest = Math.max(...(await Promise.all(under)));
  assert.ok(slowest < 4000, String(slowest));
});

test('B31 unknown paths, wrong methods and what no JSON is get an answer of three members that tells of nothing inside', async () => {
  const paths = [
    '/',
    '/nope',
    '/api/v2',
    '/api/v2/log/entries/',
    '/api/v2/log/entries/0',
    '/api/v1/log',
    '/metrics',
    '/%2e%2e/etc',
  ];
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      assertRefused(await send(server.port, { method, path, body: Buffer.from('{}') }), 404, 5, 'Not Found');
    }
  }
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    assertRefused(await send(server.port, { method, path: ENTRIES }), 501, 12, 'Method Not Allowed');
    if (method !== 'GET') {
      assertRefused(await send(server.port, { method, path: '/api/v2/checkpoint' }), 501, 12, 'Method Not Allowed');
    }
  }
  // As the gateway does: what it says the body is does not count.
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/grpc',
    'garbage',
    'multipart/form-data; boundary=x',
  ];
  for (const [i, type] of types.entries()) {
    verified(await post(server.port, hashedRekord(key, `type ${i}`), [['Content-Type', type]]), log);
    const answer = await post(server.port, Buffer.from('x=1'), [['Content-Type', type]]);
    assertRefused(answer, 400, 3, /^invalid character/);
    assert.doesNotMatch(answer.body.toString(), /node:|\.ts|\/work|\bat /);
  }
});
