import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '@sigstead/platform';
import { serveExample } from './support/example-server.ts';

const NOT_FOUND = '{"code":5,"message":"Not Found","details":[]}';
const metrics = createMetrics();
const { send, raw } = serveExample(metrics);

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

test('metrics know route patterns and a fixed set of methods only', async () => {
  await send('PROPFIND', '/api/v2/trustBundle?secret=1');
  const text = await metrics.text();
  assert.match(text, /method="other",route="\/api\/v2\/trustBundle",status="501"/);
  assert.match(text, /route="unknown",status="404"/);
  assert.match(text, /route="\/tile\/\*"/);
  assert.doesNotMatch(text, /secret|PROPFIND|%/);
});
