import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import {
  createHttpServer,
  createMetrics,
  grpcTimeout,
  methodTable,
  requestFault,
  sendJson,
  sendServiceError,
  ServiceError,
  silentLogger,
  type HttpServer,
  type HttpServerOptions,
} from '@sigstead/platform';

const NOT_FOUND = '{"code":5,"message":"Not Found","details":[]}';
const metrics = createMetrics();
let server: HttpServer;
let port: number;

function start(options: Partial<HttpServerOptions> = {}): HttpServer {
  const made = createHttpServer({ logger: silentLogger, metrics, ...options });
  made.app.register(async (app) => {
    methodTable(app, '/api/v2/trustBundle', { GET: (_q, reply) => sendJson(reply, 200, { ok: true }) });
    methodTable(app, '/api/v2/log/entries', {
      POST: (q, reply) =>
        sendJson(reply, 201, { n: q.bytes.length, type: q.sentContentType ?? null, query: q.sentQuery }),
    });
    methodTable(app, '/api/v1/timestamp/certchain', { GET: (q, reply) => sendJson(reply, 200, { path: q.sentPath }) });
    methodTable(app, '/boom', {
      GET: () => {
        throw new Error('secret internals');
      },
      POST: () => {
        throw new ServiceError('unavailable', { message: 'try later', detail: 'secret detail' });
      },
    });
    app.get('/tile/*', (q, reply) => sendJson(reply, 200, q.params));
    app.get('/timeout', (q, reply) => sendJson(reply, 200, grpcTimeout(q.headers)));
  });
  made.app.register(async (app) => {
    app.setErrorHandler((error, _q, reply) => {
      if (requestFault(error) === 'body_too_large') return sendJson(reply, 400, { mine: true });
      return sendServiceError(reply, error as ServiceError);
    });
    methodTable(app, '/small', { POST: (_q, reply) => sendJson(reply, 200, {}) }, undefined, { bodyLimit: 10 });
  });
  return made;
}

before(async () => {
  server = start({ bodyLimit: 1000, cleanPaths: ['/api/v1/timestamp'] });
  ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
});
after(() => server.close());

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

function send(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string | Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const q = httpRequest({ host: '127.0.0.1', port, method, path, headers }, (r) => {
      const chunks: Buffer[] = [];
      r.on('data', (chunk: Buffer) => chunks.push(chunk));
      r.on('end', () =>
        resolve({ status: r.statusCode ?? 0, headers: r.headers, text: Buffer.concat(chunks).toString() }),
      );
    });
    q.on('error', reject);
    q.end(body);
  });
}

/** Sends bytes as they are and gives back all that comes until the other side closes. */
function raw(bytes: string, onOpen?: (socket: Socket) => void, at = port): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(at, '127.0.0.1', () => {
      socket.write(bytes);
      onOpen?.(socket);
    });
    let out = '';
    socket.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(out));
  });
}

const OPEN_PATHS: [string, number][] = [
  ['/api/v2/trustBundle', 200],
  ['/api/v2/trustBundle?x=%zz', 200],
  ['/api/v2/trust%42undle', 200],
  ['/api%2fv2/trustBundle', 200],
  ['/api/v2/trustBundle/', 404],
  ['/api/v2/trustBundle%2f', 404],
  ['/api/v2//trustBundle', 404],
  ['//api/v2/trustBundle', 404],
  ['/api/v2/../v2/trustBundle', 404],
  ['/api/v2/%ff', 404],
  ['/api/v2/trustBundle%3Fx', 404],
  ['/api/v2/trustBundle%25', 404],
  ['/api/v2/trustBundle#x', 404],
  ['/API/v2/trustBundle', 404],
  ['/', 404],
  ['/api/v1/timestamp/certchain', 200],
  ['/api/v1/timestamp/certchain/', 200],
  ['/api/v1/../v1//timestamp/./certchain', 200],
  ['/../../api/v1/timestamp/certchain', 200],
];
for (const [path, status] of OPEN_PATHS) {
  test(`GET ${path} is ${status}`, async () => {
    const answer = await send('GET', path);
    assert.equal(answer.status, status);
    if (status === 404) assert.equal(answer.text, NOT_FOUND);
    assert.equal(answer.headers['content-type'], 'application/json');
  });
}

for (const path of ['/%zz', '/a%4', '/a%', '/api/v2/%x1']) {
  test(`a bad percent escape is refused as Go refuses it: ${path}`, async () => {
    const answer = await send('GET', path);
    assert.equal(answer.status, 400);
    assert.equal(answer.text, '400 Bad Request');
    assert.match(String(answer.headers['content-type']), /^text\/plain/);
  });
}

test('an absolute target is routed by its path', async () => {
  const answer = await raw(
    'GET http://other.example/api/v2/trustBundle HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  );
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

for (const method of ['HEAD', 'OPTIONS', 'TRACE', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY', 'PURGE']) {
  test(`a method the path does not have reaches the service: ${method}`, async () => {
    const answer = await send(method, '/api/v2/trustBundle');
    assert.equal(answer.status, 501);
    assert.equal(answer.text, method === 'HEAD' ? '' : '{"code":12,"message":"Method Not Allowed","details":[]}');
  });
}

for (const type of [
  'application/json; charset=utf-8',
  'nonsense',
  'a/b/c;;;',
  '',
  'multipart/form-data',
  'text/plain',
]) {
  test(`any content type reaches the handler as sent: "${type}"`, async () => {
    const answer = await send('POST', '/api/v2/log/entries', { 'content-type': type }, '{broken');
    assert.deepEqual([answer.status, answer.text], [201, JSON.stringify({ n: 7, type, query: '' })]);
  });
}

test('a body without a content type and an empty body reach the handler', async () => {
  assert.equal((await send('POST', '/api/v2/log/entries?a=b', {}, 'x')).text, '{"n":1,"type":null,"query":"a=b"}');
  assert.equal((await send('POST', '/api/v2/log/entries')).text, '{"n":0,"type":null,"query":""}');
});

test('a parameter is decoded once', async () => {
  assert.equal((await send('GET', '/tile/a%252Fb/%3f%23')).text, '{"*":"a%2Fb/?#"}');
});

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

test("a route's own limit and error handler are used", async () => {
  assert.equal((await send('POST', '/small', {}, 'x'.repeat(11))).text, '{"mine":true}');
});

test('a big body for an unknown path is still not found', async () => {
  const answer = await send('POST', '/nowhere', {}, 'x'.repeat(5000));
  assert.deepEqual([answer.status, answer.text], [404, NOT_FOUND]);
});

test('an error shows the client nothing of ours', async () => {
  const internal = await send('GET', '/boom');
  assert.deepEqual(
    [internal.status, internal.text],
    [500, '{"code":13,"message":"internal server error","details":[]}'],
  );
  const coded = await send('POST', '/boom');
  assert.deepEqual([coded.status, coded.text], [503, '{"code":14,"message":"try later","details":[]}']);
});

test('Grpc-Timeout: too short is 504, malformed is 400, other values reach the service', async () => {
  const get = async (value: string): Promise<[number, string]> => {
    const { status, text } = await send('GET', '/timeout', { 'grpc-timeout': value });
    return [status, text];
  };
  assert.deepEqual(await get('1n'), [504, '{"code":4,"message":"context deadline exceeded","details":[]}']);
  assert.deepEqual(await get('-1S'), [504, '{"code":4,"message":"context deadline exceeded","details":[]}']);
  for (const bad of ['abc', '5', 'S', '1x', '1_0S', '0x1S', '99999999999999999999S', '9223372036854775808n']) {
    assert.deepEqual(await get(bad), [400, `{"code":3,"message":"invalid grpc-timeout: ${bad}","details":[]}`]);
  }
  assert.deepEqual(await get('10S'), [200, '{"timeoutMs":10000}']);
  assert.deepEqual(await get('+1M'), [200, '{"timeoutMs":60000}']);
  assert.deepEqual(await get('0S'), [200, '{}']);
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

test('a head and a body that trickle are cut', async () => {
  const slow = start({ headersTimeoutMs: 150, requestTimeoutMs: 300, timeoutCheckMs: 50 });
  const { port: at } = await slow.listen({ host: '127.0.0.1', port: 0 });
  assert.match(await raw('GET / HTTP/1.1\r\nHost: x\r\n', undefined, at), /^HTTP\/1\.1 408 /);
  const body = 'POST /api/v2/log/entries HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab';
  assert.match(await raw(body, undefined, at), /^HTTP\/1\.1 408 /);
  await slow.close();
});

test('metrics know route patterns and a fixed set of methods only', async () => {
  await send('PROPFIND', '/api/v2/trustBundle?secret=1');
  const text = await metrics.text();
  assert.match(text, /method="other",route="\/api\/v2\/trustBundle",status="501"/);
  assert.match(text, /route="unknown",status="404"/);
  assert.match(text, /route="\/tile\/\*"/);
  assert.doesNotMatch(text, /secret|PROPFIND|%/);
});
