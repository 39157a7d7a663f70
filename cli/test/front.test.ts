import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { createHttpServer, createMetrics, silentLogger } from '@sigstead/platform';
import type { FastifyInstance } from 'fastify';
import { frontRoutes, type Part } from '../src/serve/front.ts';

async function front(parts: readonly Part[], stopping = false): Promise<FastifyInstance> {
  const { app } = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
  await app.register(frontRoutes({ parts, welcome: 'what this is\n', stopping: () => stopping }));
  await app.ready();
  return app;
}

const good: Part = { name: 'good', ready: async () => ({ ok: true }) };

suite('what belongs to the whole', () => {
  let app: FastifyInstance;
  before(async () => {
    app = await front([good]);
  });

  test('health, ping and the unknown path are upstream’s to the byte', async () => {
    const health = await app.inject('/healthz');
    assert.equal(health.body, '{"status":"SERVING"}');
    assert.equal(health.headers['content-type'], 'application/json');
    assert.equal((await app.inject('/ping')).body, '.');
    const unknown = await app.inject('/no/such/path');
    assert.equal(unknown.statusCode, 404);
    assert.equal(unknown.body, '{"code":5,"message":"Not Found","details":[]}');
  });

  test('the root says what this is', async () => {
    const root = await app.inject('/');
    assert.equal(root.statusCode, 200);
    assert.equal(root.body, 'what this is\n');
    assert.match(String(root.headers['content-type']), /^text\/plain/);
  });

  test('a wrong method is 501 with code 12', async () => {
    const answer = await app.inject({ method: 'POST', url: '/healthz' });
    assert.equal(answer.statusCode, 501);
    assert.equal(answer.json().code, 12);
  });
});

suite('readiness', () => {
  test('names every part', async () => {
    const answer = await (await front([good, { ...good, name: 'other' }])).inject('/readyz');
    assert.equal(answer.statusCode, 200);
    assert.deepEqual(answer.json(), { ready: true, parts: { good: { ready: true }, other: { ready: true } } });
  });

  test('one part that is not ready, or throws, makes the whole not ready, and no internal text leaves', async () => {
    const bad: Part = { name: 'bad', ready: async () => ({ ok: false, detail: 'expired' }) };
    const broken: Part = { name: 'broken', ready: () => Promise.reject(new Error('password=x')) };
    const answer = await (await front([good, bad, broken])).inject('/readyz');
    assert.equal(answer.statusCode, 503);
    assert.deepEqual(answer.json(), {
      ready: false,
      parts: {
        good: { ready: true },
        bad: { ready: false, detail: 'expired' },
        broken: { ready: false, detail: 'the check failed' },
      },
    });
  });

  test('a flood of questions asks each part once at a time: nobody keeps it from its work by asking', async () => {
    let asked = 0;
    let answer = Promise.withResolvers<{ ok: boolean }>();
    const slow: Part = {
      name: 'slow',
      ready: () => {
        asked += 1;
        return answer.promise;
      },
    };
    const { app } = createHttpServer({ logger: silentLogger, metrics: createMetrics() });
    let arrived = 0;
    app.addHook('onRequest', (_request, _reply, done) => {
      arrived += 1;
      done();
    });
    await app.register(frontRoutes({ parts: [slow], welcome: '', stopping: () => false }));
    const flood = Promise.all(Array.from({ length: 100 }, () => app.inject('/readyz')));
    while (arrived < 100) await new Promise(setImmediate);
    await new Promise(setImmediate);
    answer.resolve({ ok: true });
    assert.deepEqual(new Set((await flood).map(({ statusCode }) => statusCode)), new Set([200]));
    assert.equal(asked, 1);
    answer = Promise.withResolvers();
    answer.resolve({ ok: false });
    assert.equal((await app.inject('/readyz')).statusCode, 503, 'an answer is not kept');
  });

  test('a stopping instance is not ready', async () => {
    assert.equal((await (await front([good], true)).inject('/readyz')).statusCode, 503);
  });
});
