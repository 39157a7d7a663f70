import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Closables,
  createLogger,
  createMetrics,
  grpcStatus,
  monotonicClock,
  ServiceError,
  type LogLevel,
} from '@sigstead/platform';

function logged(level: LogLevel, use: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
  const lines: string[] = [];
  use(createLogger({ service: 's', level, stream: { write: (line) => lines.push(line) }, clock: { nowMs: () => 0 } }));
  return lines.map((line) => {
    assert.match(line, /^[^\n]*\n$/);
    return JSON.parse(line) as Record<string, unknown>;
  });
}

test('a log line is one JSON object with time, level, service, message and fields', () => {
  const lines = logged('info', (logger) => {
    logger.debug({}, 'hidden');
    logger.child({ log: 'a' }).info({ n: 1n, at: new Date(0), bytes: new Uint8Array(3) }, 'line\nbreak');
  });
  assert.deepEqual(lines, [
    {
      log: 'a',
      n: '1',
      at: '1970-01-01T00:00:00.000Z',
      bytes: '<3 bytes>',
      time: '1970-01-01T00:00:00.000Z',
      level: 'info',
      service: 's',
      msg: 'line\nbreak',
    },
  ]);
});

test('secrets do not reach the log, by name or by shape', () => {
  const secrets = ['hunter2', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln', 'MHcCAQEEIBkg'];
  const [jwt, key] = [secrets[1], `-----BEGIN PRIVATE KEY-----\n${secrets[2]}\n-----END PRIVATE KEY-----`];
  const lines = logged('debug', (logger) => {
    logger.info({ password: 'hunter2', headers: { Authorization: 'hunter2', 'X-Api-Token': 'hunter2' } }, 'a');
    logger.info({ text: `got ${jwt} and ${key}`, url: 'postgresql://me:hunter2@host/db' }, `see ${jwt}`);
    logger.error({ error: new Error(`bad ${key}`, { cause: new Error(`token ${jwt}`) }) }, 'c');
    logger.info({ cut: `-----BEGIN EC PRIVATE KEY-----\n${secrets[2]}` }, 'd');
  });
  const all = JSON.stringify(lines);
  for (const secret of secrets) assert.ok(!all.includes(secret), secret);
  assert.match(all, /postgresql:\/\/me:\[redacted\]@host/);
});

test('a field cannot forge the line and nothing makes logging throw', () => {
  const loop: Record<string, unknown> = {};
  loop['self'] = loop;
  const lines = logged('debug', (logger) => {
    logger.info(
      { level: 'error', time: 'x', msg: 'y', loop, deep: [[[[[[[1]]]]]]], wide: 'x'.repeat(1e6), f: () => 1 },
      'z',
    );
  });
  assert.deepEqual([lines[0]?.['level'], lines[0]?.['msg']], ['info', 'z']);
  assert.ok(JSON.stringify(lines).length < 10_000);
  const broken = createLogger({
    service: 's',
    level: 'info',
    stream: {
      write() {
        throw new Error('disk full');
      },
    },
  });
  broken.info({}, 'dropped');
});

test('an error is logged with its code, detail and causes', () => {
  const error = new ServiceError('unavailable', { message: 'm', detail: 'd', cause: new Error('root') });
  const [line] = logged('error', (logger) => logger.error({ error }, 'x'));
  const described = line?.['error'] as Record<string, unknown>;
  assert.deepEqual([described['code'], described['detail'], described['message']], ['unavailable', 'd', 'm']);
  assert.equal((described['cause'] as Record<string, unknown>)['message'], 'root');
});

test('the same metric asked for twice is one, another type under its name is refused', async () => {
  const metrics = createMetrics();
  metrics.counter({ name: 'x_total', help: 'h', labelNames: ['a'] }).inc({ a: '1' });
  metrics.counter({ name: 'x_total', help: 'h', labelNames: ['a'] }).inc({ a: '1' });
  assert.match(await metrics.text(), /x_total\{a="1"\} 2/);
  assert.throws(() => metrics.gauge({ name: 'x_total', help: 'h' }));
  metrics.histogram({ name: 'd_seconds', help: 'h' }).observe(0.003);
  assert.match(await metrics.text(), /d_seconds_bucket\{le="0.005"\} 1/);
  assert.doesNotMatch(await createMetrics().text(), /x_total/);
});

test('what was opened is closed once, in reverse order, whatever fails between', async () => {
  const order: string[] = [];
  const owned = new Closables();
  owned.use({ close: async () => void order.push('first') });
  owned.defer(() => {
    order.push('second');
    throw new Error('no');
  });
  owned.defer(async () => void order.push('third'));
  const results = await Promise.allSettled([owned.close(), owned.close()]);
  assert.deepEqual(order, ['third', 'second', 'first']);
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'rejected'],
  );
  assert.throws(() => owned.defer(() => undefined));
});

test('several failures while closing are all told', async () => {
  const owned = new Closables();
  for (const name of ['a', 'b']) owned.defer(() => Promise.reject(new Error(name)));
  await assert.rejects(owned.close(), (error) => error instanceof AggregateError && error.errors.length === 2);
});

test('the monotonic clock stands still while its source goes back', () => {
  const times = [5, 3, 4, 9, 8];
  const clock = monotonicClock({ nowMs: () => times.shift() ?? 0 });
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => clock.nowMs()),
    [5, 5, 5, 9, 9],
  );
});

test('codes have the numbers of gRPC', () => {
  assert.deepEqual(grpcStatus('unimplemented'), { grpc: 12, http: 501 });
  assert.deepEqual(grpcStatus('too_large'), { grpc: 3, http: 400 });
  assert.deepEqual(grpcStatus('unauthenticated'), { grpc: 16, http: 401 });
});
