import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { createMetrics, type Metrics } from '@sigstead/platform';
import { LogError, StoreError } from '../src/core/errors.ts';
import { ENGINE_LIMITS } from '../src/engine/bounded.ts';
import { Progress } from '../src/engine/progress.ts';
import { engineMetrics } from '../src/metrics.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { startServer, type TestServer } from './support/server.ts';
import { fakeClock, type TestLogs, testLogs, text, textPersonality } from './support/test-log.ts';

const NAME = 'operated';
const INTERVAL_MS = ENGINE_LIMITS.answerMs;
const key = newKey();

/** Value of a series; 0 when it is not there yet. */
async function valueOf(metrics: Metrics, name: string, labels: Record<string, string> = {}): Promise<number> {
  const series = (await metrics.text()).split('\n').filter((line) => line.startsWith(name) && !line.startsWith('#'));
  const found = series.filter((line) => {
    const [head = ''] = line.split(' ');
    return (
      /^[{ ]|^$/.test(head.slice(name.length)) && Object.entries(labels).every(([k, v]) => head.includes(`${k}="${v}"`))
    );
  });
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

describe('F69: metrics move as expected', () => {
  let server: TestServer;
  before(async () => {
    const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
    const queue = { maxEntries: 2, maxBytes: 2 ** 20, maxBatchEntries: 1024, maxBatchBytes: 2 ** 20 };
    const logs = [{ name: NAME, origin: 'log.example', kind: 'rekor-v2' as const, signer, create: true }];
    server = await startServer({ logs, queue });
  });
  after(() => server.close());

  const send = async (request: unknown): Promise<number> =>
    (await fetch(`${server.url}/api/v2/log/entries`, { method: 'POST', body: JSON.stringify(request) })).status;
  const post = (message: string): Promise<number> => send(hashedRekord(key, message));
  const outcome = (name: string): Promise<number> =>
    valueOf(server.metrics, 'sigstead_log_submissions_total', { log: NAME, outcome: name });

  test('accepted and duplicate, each once for each', async () => {
    const [one, two] = [hashedRekord(key, 'one'), hashedRekord(key, 'two')];
    for (const request of [one, two, one]) assert.equal(await send(request), 201);
    assert.deepEqual([await outcome('added'), await outcome('duplicate')], [2, 1]);
    assert.equal(await valueOf(server.metrics, 'rekor_v2_new_hashedrekord_entries'), 2);
    assert.equal(await valueOf(server.metrics, 'sigstead_log_entries_total', { log: NAME }), 2);
  });

  test('rejected by reason, a closed list of them', async () => {
    const request = hashedRekord(key, 'refused');
    request.hashedRekordRequestV002.digest = Buffer.alloc(32).toString('base64');
    assert.equal(await send(request), 400);
    assert.equal(await outcome('entry_refused'), 1);
    assert.equal(await valueOf(server.metrics, 'rekor_v2_http_requests_total', { code: '400' }), 1);
  });

  test('pushback, while the log’s row is held by another; those that fit wait, are seen waiting, and get in', async () => {
    const pool = server.database.pool({ max: 1 });
    const client = await pool.connect();
    const before = await outcome('added');
    try {
      await client.query('begin');
      await client.query('select 1 from log.locks for update');
      const asked = Array.from({ length: 12 }, (_, i) => post(`pushed ${i}`));
      const refused = async (): Promise<boolean> => (await outcome('queue_full')) > 0;
      while (!(await refused())) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok((await valueOf(server.metrics, 'sigstead_log_queue_entries', { log: NAME })) > 0);
      await client.query('rollback');
      const statuses = await Promise.all(asked);
      const [added, pushed] = [201, 503].map((status) => statuses.filter((each) => each === status).length);
      assert.equal((added ?? 0) + (pushed ?? 0), 12);
      assert.deepEqual([(await outcome('added')) - before, await outcome('queue_full')], [added, pushed]);
      assert.equal(await valueOf(server.metrics, 'sigstead_log_queue_entries', { log: NAME }), 0);
    } finally {
      client.release(true);
      await pool.end();
    }
  });

  test('integration lag: the time from the begin of each batch to its publication', async () => {
    const count = await valueOf(server.metrics, 'sigstead_log_batch_seconds_count', { log: NAME });
    const entries = await valueOf(server.metrics, 'sigstead_log_batch_entries_sum', { log: NAME });
    await post('one more');
    assert.equal(await valueOf(server.metrics, 'sigstead_log_batch_seconds_count', { log: NAME }), count + 1);
    assert.equal(await valueOf(server.metrics, 'sigstead_log_batch_entries_sum', { log: NAME }), entries + 1);
    assert.ok((await valueOf(server.metrics, 'sigstead_log_batch_seconds_sum', { log: NAME })) > 0);
  });

  test('proof failures are there before the first, at 0, under our name and the one that dashboards alert on', async () => {
    assert.match(await server.metrics.text(), /^rekor_v2_inclusion_proof_failure_total 0$/m);
    const metrics = createMetrics();
    engineMetrics(metrics, NAME).proofFailed();
    assert.equal(await valueOf(metrics, 'sigstead_log_proof_failures_total', { log: NAME }), 1);
    assert.equal(await valueOf(metrics, 'rekor_v2_inclusion_proof_failure_total'), 1);
  });
});

describe('F69: a process is not ready when there is no checkpoint for three intervals', () => {
  let logs: TestLogs;
  before(async () => {
    logs = await testLogs();
  });
  after(() => logs.drop());

  /** A log whose signer fails while told to, on a clock that is set by hand. */
  async function failing(): Promise<{
    trouble(): string | undefined;
    append(value: string): Promise<unknown>;
    advance(ms: number): void;
    fails: boolean;
  }> {
    const clock = fakeClock();
    const personality = textPersonality();
    const state = { fails: false };
    const log = await logs.open({
      clock,
      personality: {
        ...personality,
        signHead: (claim) =>
          state.fails ? Promise.reject(new LogError('unavailable', 'no')) : personality.signHead(claim),
      },
    });
    return Object.assign(state, {
      trouble: () => log.trouble(),
      append: (value: string) => log.sequencer.append(text(value)).catch((error: unknown) => error),
      advance: (ms: number) => clock.set(clock.nowMs() + ms),
    });
  }

  test('entries are handed in and none gets in: not ready after three intervals, ready with the first that does', async () => {
    const log = await failing();
    log.fails = true;
    for (let interval = 0; interval < 3; interval++) {
      assert.ok((await log.append(`refused ${interval}`)) instanceof LogError);
      assert.equal(log.trouble(), undefined);
      log.advance(INTERVAL_MS);
    }
    await log.append('refused again');
    assert.match(log.trouble() ?? '', /^no new checkpoint for 15 s/);
    log.fails = false;
    await log.append('taken');
    assert.equal(log.trouble(), undefined);
  });

  test('nobody hands anything in: ready, however long there is no new checkpoint', async () => {
    const log = await failing();
    await log.append('the last for a long time');
    log.advance(100 * INTERVAL_MS);
    assert.equal(log.trouble(), undefined);
  });

  test('taken out of service for it, it comes back after as long without a failure, to be tried again', async () => {
    const log = await failing();
    log.fails = true;
    await log.append('x');
    log.advance(3 * INTERVAL_MS);
    await log.append('y');
    assert.notEqual(log.trouble(), undefined);
    log.advance(3 * INTERVAL_MS);
    assert.equal(log.trouble(), undefined);
    await log.append('z');
    assert.notEqual(log.trouble(), undefined);
  });

  test('what one entry, or the operator, brought about is no trouble; what does not end is, for as long as it lasts', () => {
    const clock = fakeClock();
    const progress = new Progress({ clock, intervalMs: INTERVAL_MS });
    const later = (intervals: number): void => clock.set(clock.nowMs() + intervals * INTERVAL_MS);
    progress.failed(new StoreError('refused', 'bad data', { dataFault: true }));
    progress.failed(new LogError('read_only', 'closed'));
    progress.failed(new LogError('closing', 'going'));
    later(4);
    assert.equal(progress.trouble(), undefined);
    progress.late(true);
    later(10);
    assert.match(progress.trouble() ?? '', /50 s/);
    progress.late(false);
    assert.equal(progress.trouble(), undefined);
    progress.succeeded();
    assert.equal(progress.trouble(), undefined);
  });
});
