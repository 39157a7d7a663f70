import assert from 'node:assert/strict';
import { Agent, get, request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { createHttpServer, createMetrics, ListenError, silentLogger, type HttpServer } from '@sigstead/platform';

function make(): HttpServer {
  return createHttpServer({ logger: silentLogger, metrics: createMetrics() });
}

function fetchText(
  port: number,
  agent: Agent,
  host = '127.0.0.1',
): Promise<{ text: string; connection?: string | undefined }> {
  return new Promise((resolve, reject) => {
    const q = get({ host, port, path: '/', agent }, (r) => {
      let text = '';
      r.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      r.on('end', () => resolve({ text, connection: r.headers.connection }));
    });
    q.on('error', reject);
  });
}

test('close answers the request in flight, ends idle connections and accepts no new ones', async () => {
  const server = make();
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let calls = 0;
  server.app.get('/', async () => {
    calls += 1;
    if (calls === 1) return 'first';
    entered.resolve();
    await release.promise;
    return 'answered';
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const idle = new Agent({ keepAlive: true });
  const busy = new Agent({ keepAlive: true });
  await fetchText(port, idle);
  const fresh = connect(port, '127.0.0.1');
  await once(fresh, 'connect');
  const inFlight = fetchText(port, busy);
  await entered.promise;
  const closed = server.close();
  await once(fresh, 'close');
  await assert.rejects(fetchText(port, new Agent()), /ECONNREFUSED/);
  release.resolve();
  assert.deepEqual(await inFlight, { text: 'answered', connection: 'close' });
  await closed;
  await server.close();
  idle.destroy();
  busy.destroy();
});

test('close cuts what is not done at the deadline', async () => {
  const server = make();
  server.app.get('/', () => new Promise(() => {}));
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const q = request({ host: '127.0.0.1', port, path: '/' });
  q.end();
  const failed = once(q, 'error');
  await once(server.app.server, 'x-never', { signal: AbortSignal.timeout(50) }).catch(() => undefined);
  await server.close({ deadlineMs: 20 });
  await failed;
});

test('localhost is both loopback addresses on one port', async () => {
  const server = make();
  server.app.get('/', () => 'here');
  const { port, addresses } = await server.listen({ port: 0 });
  const agent = new Agent();
  assert.equal((await fetchText(port, agent)).text, 'here');
  if (addresses.length === 2) assert.equal((await fetchText(port, agent, '::1')).text, 'here');
  assert.deepEqual(addresses, [`127.0.0.1:${port}`, `[::1]:${port}`].slice(0, addresses.length));
  await server.close();
});

test('a taken port and a foreign address are told by code', async () => {
  const first = make();
  const { port } = await first.listen({ port: 0 });
  const second = make();
  const code = (wanted: string) => (error: unknown) => error instanceof ListenError && error.code === wanted;
  await assert.rejects(second.listen({ port }), code('port_taken'));
  await assert.rejects(second.listen({ host: '192.0.2.1', port: 0 }), code('address_unavailable'));
  await first.close();
  await second.close();
});

test('a client that takes nothing of its answer is cut off; one that waits for its answer is not', async () => {
  const server = createHttpServer({ logger: silentLogger, metrics: createMetrics(), stallTimeoutMs: 50 });
  const answer = Promise.withResolvers<string>();
  const sent = Promise.withResolvers<void>();
  server.app.get('/', () => answer.promise);
  server.app.get('/big', async (_request, reply) => {
    reply.raw.once('close', sent.resolve);
    return Buffer.alloc(2 ** 25);
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const agent = new Agent({ keepAlive: true });
  const waiting = fetchText(port, agent);
  const stalled = connect(port, '127.0.0.1');
  stalled.pause();
  stalled.on('error', () => undefined);
  stalled.write('GET /big HTTP/1.1\r\nHost: a\r\n\r\n');
  await sent.promise;
  answer.resolve('patience');
  assert.equal((await waiting).text, 'patience');
  agent.destroy();
  stalled.destroy();
  await server.close();
});
