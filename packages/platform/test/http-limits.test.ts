import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { createHttpServer, createMetrics, silentLogger } from '@sigstead/platform';
import { exampleServer, serveExample } from './support/example-server.ts';

const metrics = createMetrics();
const { send, raw } = serveExample(metrics);

test('a body of exactly the limit passes, one byte more is refused', async () => {
  assert.equal((await send('POST', '/api/v2/log/entries', {}, 'x'.repeat(1000))).status, 201);
  const refused = await send('POST', '/api/v2/log/entries', {}, 'x'.repeat(1001));
  assert.deepEqual(
    [refused.status, refused.text],
    [400, '{"code":3,"message":"http: request body too large","details":[]}'],
  );
  assert.equal(refused.headers.connection, 'close');
});

test('a refused big body that is still being sent does not cost the client its answer', async () => {
  const refused = await send('POST', '/api/v2/log/entries', {}, Buffer.alloc(8 << 20));
  assert.equal(refused.status, 400);
});

test('an endless chunked body is refused while it arrives and the connection closed', async () => {
  const head = 'POST /api/v2/log/entries HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
  const answer = await raw(head, (socket) => {
    const pump = setInterval(() => socket.write(`100\r\n${'x'.repeat(256)}\r\n`), 5);
    socket.on('close', () => clearInterval(pump));
    socket.on('end', () => clearInterval(pump));
  });
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.equal(answer.split('HTTP/1.1').length, 2);
});

test('a declared length over the limit is refused before any byte of the body', async () => {
  const answer = await raw('POST /api/v2/log/entries HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 400 [\s\S]*request body too large/);
});

test('what follows a refused body on its connection is never carried out', async () => {
  const own = createHttpServer({ logger: silentLogger, metrics: createMetrics(), bodyLimit: 10 });
  let calls = 0;
  own.app.post('/', async () => {
    calls += 1;
    return '';
  });
  const { port: ownPort } = await own.listen({ host: '127.0.0.1', port: 0 });
  const refused = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n${'a'.repeat(5000)}`;
  const next = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nb';
  const socket = connect(ownPort, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  socket.resume();
  socket.end(refused + next.repeat(3));
  await closed;
  await own.close();
  assert.equal(calls, 0);
});

for (const [what, bytes] of [
  ['no HTTP', 'hello\r\n\r\n'],
  ['an unknown method', 'FOO / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  [
    'length and chunked',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: a\0b\r\n\r\n'],
] as const) {
  test(`what is no valid request gets 400 and the connection ends: ${what}`, async () => {
    assert.match(await raw(bytes), /^HTTP\/1\.1 400 Bad Request\r\n/);
  });
}

test('a head over the limit gets 431', async () => {
  assert.match(await raw(`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
});

test('a bad chunk in a body ends the connection and the server lives on', async () => {
  const bytes = 'POST /api/v2/log/entries HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
  assert.match(await raw(bytes), /^HTTP\/1\.1 400 /);
  assert.equal((await send('GET', '/api/v2/trustBundle')).status, 200);
});

test('an upgrade request is served as a plain one', async () => {
  const bytes = 'GET /api/v2/trustBundle HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  assert.match(await raw(bytes, (socket) => socket.once('data', () => socket.end())), /^HTTP\/1\.1 200 /);
});

test('B24 a head and a body that trickle are cut', async () => {
  const slow = exampleServer({ metrics, headersTimeoutMs: 150, requestTimeoutMs: 300, timeoutCheckMs: 50 });
  const { port: at } = await slow.listen({ host: '127.0.0.1', port: 0 });
  assert.match(await raw('GET / HTTP/1.1\r\nHost: x\r\n', undefined, at), /^HTTP\/1\.1 408 /);
  const body = 'POST /api/v2/log/entries HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab';
  assert.match(await raw(body, undefined, at), /^HTTP\/1\.1 408 /);
  await slow.close();
});
