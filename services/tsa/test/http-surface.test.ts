import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createHttpServer, createMetrics, silentLogger } from '@sigstead/platform';
import { composeTsa, TSA_CLEAN_PATHS } from '@sigstead/tsa';
import {
  type Answer,
  DER_TYPE,
  derRequest,
  post,
  refusal,
  type Running,
  runTsa,
  send,
  testOptions,
} from './support.ts';

let tsa: Running;
before(async () => {
  tsa = await runTsa();
});
after(() => tsa[Symbol.asyncDispose]());

const get = (path: string, headers: [string, string][] = []): Promise<Answer> =>
  tsa.send({ method: 'GET', path, headers });

test('paths: cleaned on the API, escaped letters are other letters, unknown ones are named as sent', async () => {
  for (const path of [
    '/api/v1/timestamp/',
    '//api//v1/./timestamp',
    '/api/v1/x/../timestamp',
    '/api/v1/timestamp?x=1',
    '/api/v1/timestamp/certchain/..',
  ])
    assert.equal((await tsa.send({ path, headers: [DER_TYPE], body: derRequest() })).status, 200, path);
  for (const path of [
    '/api/v1/%74imestamp',
    '/api/v1/timestamp%2f',
    '/api/v1/timestamps',
    '/x/../ping',
    '/ping/',
    '/API/v1/timestamp',
  ])
    assert.deepEqual(refusal(await get(path)), [404, `path ${path} was not found`]);
  assert.equal((await get('/')).status, 404);
  assert.equal((await get('/api/v1/%zz')).status, 400);
  assert.equal((await get('/PING')).status, 200);
  assert.equal((await get('/p%69ng')).status, 200);
});

test('paths are cleaned even when the HTTP server does not do it', async () => {
  await using plain = await runTsa({}, []);
  assert.equal(
    (await plain.send({ path: '//api/../api/v1/timestamp/', headers: [DER_TYPE], body: derRequest() })).status,
    200,
  );
});

test('every method but one is 405 with Allow, on both paths', async () => {
  for (const [path, allowed] of [
    ['/api/v1/timestamp', 'POST'],
    ['/api/v1/timestamp/certchain', 'GET'],
  ] as const) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'QUERY']) {
      if (method === allowed) continue;
      const answer = await tsa.send({ method, path });
      assert.equal(answer.status, 405, method);
      assert.equal(answer.headers['allow'], allowed);
      if (method !== 'HEAD')
        assert.deepEqual(refusal(answer), [405, `method ${method} is not allowed, but [${allowed}] are`]);
    }
  }
});

test('certchain: PEM leaf first, cacheable; a body must be JSON', async () => {
  const answer = await get('/api/v1/timestamp/certchain');
  assert.equal(answer.headers['cache-control'], 'max-age=86400, immutable');
  assert.equal(answer.body.toString().match(/BEGIN CERTIFICATE/g)?.length, 3);
  const withBody = await tsa.send({
    method: 'GET',
    path: '/api/v1/timestamp/certchain',
    headers: [['Content-Type', 'text/plain']],
    body: Buffer.from('x'),
  });
  assert.deepEqual(refusal(withBody), [
    415,
    'unsupported media type "text/plain", only [application/json] are allowed',
  ]);
});

test('cross-origin requests: allowed for simple ones, preflight answered without reaching a handler', async () => {
  const origin: [string, string] = ['Origin', 'https://a.example'];
  const actual = await tsa.send({ headers: [DER_TYPE, origin], body: derRequest() });
  assert.equal(actual.headers['access-control-allow-origin'], '*');
  assert.equal(
    (await tsa.send({ method: 'PUT', headers: [origin] })).headers['access-control-allow-origin'],
    undefined,
  );
  const preflight = (method: string, ...headers: [string, string][]): Promise<Answer> =>
    tsa.send({ method: 'OPTIONS', headers: [['Access-Control-Request-Method', method], ...headers] });
  const good = await preflight('POST', origin, ['Access-Control-Request-Headers', 'accept, content-type']);
  assert.equal(good.status, 204);
  assert.equal(good.headers['access-control-allow-headers'], 'accept, content-type');
  for (const answer of [
    await preflight('POST'),
    await preflight('DELETE', origin),
    await preflight('POST', origin, ['Access-Control-Request-Headers', 'authorization']),
    await preflight('POST', origin, ['Access-Control-Request-Headers', 'content-type,accept']),
    await preflight('POST', origin, ['Access-Control-Request-Headers', 'Content-Type']),
  ]) {
    assert.equal(answer.status, 204);
    assert.equal(answer.headers['access-control-allow-origin'], undefined);
  }
});

test('/docs loads nothing from elsewhere, /swagger.json names both paths', async () => {
  const docs = await get('/docs');
  assert.equal(docs.headers['content-type'], 'text/html; charset=utf-8');
  assert.doesNotMatch(docs.body.toString(), /<script|https?:\/\//);
  const spec = JSON.parse((await get('/swagger.json')).body.toString()) as { paths: Record<string, unknown> };
  assert.deepEqual(Object.keys(spec.paths), ['/api/v1/timestamp', '/api/v1/timestamp/certchain']);
});

test('on a shared origin only the two API paths are ours', async () => {
  const metrics = createMetrics();
  const shared = await composeTsa(testOptions({ metrics }));
  const server = createHttpServer({ logger: silentLogger, metrics, cleanPaths: TSA_CLEAN_PATHS });
  await server.app.register(shared.routes);
  server.app.get('/healthz', () => 'SERVING');
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  try {
    assert.equal((await send(port, { headers: [DER_TYPE], body: derRequest() })).status, 200);
    assert.equal(
      (await send(port, { path: '/api/v1//timestamp/', headers: [DER_TYPE], body: derRequest() })).status,
      200,
    );
    assert.equal((await send(port, { method: 'GET', path: '/api/v1/timestamp/certchain' })).status, 200);
    assert.equal((await send(port, { method: 'GET', path: '/healthz' })).body.toString(), 'SERVING');
    for (const path of ['/ping', '/docs', '/swagger.json', '/nope', '/api/v1/%74imestamp']) {
      const answer = await send(port, { method: 'GET', path });
      assert.deepEqual(
        [answer.status, JSON.parse(answer.body.toString())],
        [404, { code: 5, message: 'Not Found', details: [] }],
        path,
      );
      assert.equal(answer.headers['vary'], path.includes('%') ? 'Origin' : undefined);
    }
  } finally {
    await server.close();
  }
});

test('metrics: a client cannot choose a label', async () => {
  await using own = await runTsa();
  for (let i = 0; i < 20; i++) await own.send({ method: 'PROPFIND', path: `/random-${i}` });
  await own.send({ method: 'GET', path: '/api/v1/timestamp/certchain' });
  await post(own, derRequest());
  const text = await own.metrics.text();
  assert.match(
    text,
    /timestamp_authority_http_requests_total\{code="404",path="unrecognized",method="unrecognized"\} 20/,
  );
  assert.match(
    text,
    /timestamp_authority_http_requests_total\{code="200",path="\/api\/v1\/timestamp",method="POST"\} 1/,
  );
  assert.match(text, /timestamp_authority_api_latency_count\{path="\/api\/v1\/timestamp",code="200"\} 1/);
  assert.match(text, /sigstead_tsa_tokens_total 1/);
  assert.doesNotMatch(text, /random-|PROPFIND/);
});
