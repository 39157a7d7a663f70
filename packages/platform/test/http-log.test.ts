import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createHttpServer, createLogger, createMetrics } from '../src/index.ts';

class CodedError extends Error {
  readonly code = 'refused';
}

test('the log calls a request failed when the answer says so, whatever kind of error was thrown', async () => {
  const stream = new PassThrough();
  const logger = createLogger({ service: 'test', level: 'info', stream });
  const { app } = createHttpServer({ logger, metrics: createMetrics() });
  await app.register(async (routes) => {
    routes.setErrorHandler((error, _request, reply) => reply.code(error instanceof CodedError ? 400 : 503).send('x'));
    routes.get('/refused', () => {
      throw new CodedError('the client is wrong');
    });
    routes.get('/broken', () => {
      throw new Error('the database is gone');
    });
    await Promise.resolve();
  });
  for (const url of ['/refused', '/broken', '/refused']) await app.inject({ method: 'GET', url });
  await app.close();
  const lines = (stream.read() as Buffer | null)?.toString('utf8').trim().split('\n') ?? [];
  assert.equal(lines.length, 1, lines.join('\n'));
  const line = JSON.parse(lines[0] ?? '') as {
    level: string;
    route: string;
    status: number;
    error: { message: string };
  };
  assert.deepEqual([line.level, line.route, line.status], ['error', '/broken', 503]);
  assert.equal(line.error.message, 'the database is gone');
});
