import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { createHttpServer, createMetrics, methodTable, sendJson, silentLogger } from '@sigstead/platform';

const server = createHttpServer({
  logger: silentLogger,
  metrics: createMetrics(),
  headersTimeoutMs: 150,
  timeoutCheckMs: 50,
});
const body = '{"code":14}';
let isOpen = true;
let handled = 0;
let refused = 0;
let port = 0;

before(async () => {
  methodTable(server.app, '/add', {
    POST: (request, reply) => {
      handled += 1;
      return sendJson(reply, 201, { bytes: request.bytes.length });
    },
  });
  server.app.gates.add({
    method: 'POST',
    path: '/add',
    isOpen: () => isOpen,
    refusal: { status: 503, headers: { 'retry-after': '1', 'content-type': 'application/json' }, body },
    onRefused: (count) => void (refused += count),
  });
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
});
beforeEach(() => {
  isOpen = true;
  handled = 0;
  refused = 0;
});
after(() => server.close());

const post = (content: string, path = '/add'): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${content.length}\r\n\r\n${content}`;

type Done = RegExp | ((text: string) => boolean);

const count = (text: string, part: string): number => text.split(part).length - 1;

/** A connection, and all that has come on it. */
async function open(): Promise<{ socket: Socket; seen: () => string; until: (done: Done) => Promise<string> }> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let failure: Error | undefined;
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', (error) => (failure = error));
  await once(socket, 'connect');
  const until = async (done: Done): Promise<string> => {
    while (!(done instanceof RegExp ? done.test(text) : done(text))) {
      if (failure !== undefined) throw failure;
      if (socket.destroyed) throw new Error(`the connection ended after ${JSON.stringify(text.slice(0, 500))}`);
      await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    }
    return text;
  };
  return { socket, seen: () => text, until };
}

test('who is turned away gets the whole answer, and the connection serves the next request', async () => {
  const { socket, until } = await open();
  isOpen = false;
  socket.write(post('a'.repeat(3000)));
  const answer = await until(/\{"code":14\}$/);
  assert.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
  assert.match(answer, /\r\nretry-after: 1\r\n/i);
  assert.match(answer, /\r\ncontent-type: application\/json\r\n/i);
  assert.match(answer, /\r\ncontent-length: 11\r\n/i);
  assert.match(answer, /\r\nconnection: keep-alive\r\n/i);
  isOpen = true;
  socket.write(post('bc'));
  await until(/\{"bytes":2\}$/);
  assert.equal(handled, 1);
  socket.destroy();
});

test('requests sent one behind the other are answered in their order, each for itself', async () => {
  const { socket, until } = await open();
  isOpen = false;
  socket.write(post('1').repeat(20));
  const answers = await until((text) => count(text, body) === 20);
  assert.equal(count(answers, 'HTTP/1.1 503'), 20);
  assert.equal(handled, 0);
  socket.destroy();
});

test('every refusal is told, however many at once', async () => {
  const { socket, until } = await open();
  isOpen = false;
  socket.write(post('1').repeat(50));
  await until((text) => count(text, body) === 50);
  while (refused < 50) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(refused, 50);
  socket.destroy();
});

test('other methods and paths are not the gate`s', async () => {
  const { socket, until } = await open();
  isOpen = false;
  socket.write('GET /add HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(/501/);
  socket.write(post('x', '/%61dd'));
  await until(/201/);
  socket.destroy();
});

test('a body without a length, or a long one, is not read to its end: answer, then the end of the connection, no reset', async () => {
  isOpen = false;
  const head = 'POST /add HTTP/1.1\r\nHost: x\r\n';
  for (const [start, piece] of [
    [`${head}Transfer-Encoding: chunked\r\n\r\n`, `1000\r\n${'y'.repeat(4096)}\r\n`],
    [`${head}Content-Length: 4000000\r\n\r\n`, 'y'.repeat(4096)],
  ] as const) {
    const { socket, seen } = await open();
    let failure: Error | undefined;
    socket.on('error', (error) => (failure = error));
    socket.write(start + piece.repeat(20));
    await once(socket, 'end');
    assert.match(seen(), /^HTTP\/1\.1 503 [\s\S]*connection: close[\s\S]*\{"code":14\}$/i);
    assert.equal(failure, undefined);
    socket.destroy();
  }
});

test('a request that came in time is answered, however late the server gets to read it', async () => {
  const { socket, until } = await open();
  // The server has accepted: it answers on this connection.
  socket.write(post('1'));
  await until(/\{"bytes":1\}$/);
  const fresh = await open();
  // The request goes to the kernel at once; then nothing in this process runs until its time to send is over.
  socket.write(post('22'));
  fresh.socket.write(post('333'));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  await until(/\{"bytes":2\}$/);
  await fresh.until(/\{"bytes":3\}$/);
  socket.destroy();
  fresh.socket.destroy();
});

test('after such a delay who still does not send its request whole is cut all the same', async () => {
  const { socket, until } = await open();
  socket.write('POST /add HTTP/1.1\r\nHost: x\r\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  await until(/408 Request Timeout$/);
  socket.destroy();
});

test('a path has one gate', () => {
  const gate = { method: 'POST', path: '/add', isOpen: () => true, refusal: { status: 503, headers: {}, body: '' } };
  assert.throws(() => server.app.gates.add(gate), /gate already/);
});
