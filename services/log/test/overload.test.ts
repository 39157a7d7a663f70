import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { createHttpServer, createMetrics, type HttpServer, silentLogger } from '@sigstead/platform';
import { rekorV2Routes } from '../src/http/rekor-v2.ts';
import { CLIENT_SIGNING_ALGORITHMS } from '../src/core/rekor-v2/entry.ts';
import type { OpenLog } from '../src/open-log.ts';
import { entryDesk } from '../src/rekor-v2/create-entry.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { type RawResponse, send } from './support/raw-http.ts';
import { fakeClock, hasher, sha256, type TestLogs, testLogs } from './support/test-log.ts';

/** Nothing is measured here: the clock stands. */
const BURST = 512;
const PATH = '/api/v2/log/entries';

/** The log behind a real listener, on a real database that can be made to take its time. */
const metrics = createMetrics();
const key = newKey();
let logs: TestLogs;
let log: OpenLog;
let server: HttpServer;
let port = 0;
let nowMs = 0;
let idleMs = 0;
let entered = 0;
let held: PromiseWithResolvers<void> | undefined;

const countedHash = (leaf: Uint8Array): Uint8Array => {
  entered += 1;
  return hasher.leaf(leaf);
};

before(async () => {
  logs = await testLogs();
  const begin = (store: OpenLog['store']) => async () => {
    await held?.promise;
    return store.begin();
  };
  log = await logs.open({ wrap: (store) => ({ ...store, begin: begin(store) }) });
  server = createHttpServer({ logger: silentLogger, metrics });
  const algorithms = new Set(CLIENT_SIGNING_ALGORITHMS);
  const desk = entryDesk({
    log,
    keyId: new Uint8Array(32),
    rules: { algorithms, dsse: true, digest: (_name, data) => sha256(data), leafHash: countedHash },
    readOnly: false,
    duplicates: 'original',
    logger: silentLogger,
    metrics,
    // Always rested: what is measured is this test's clock.
    loop: { nowMs: () => nowMs, idleMs: () => (idleMs += 1), afterTurn: (done) => void setImmediate(done) },
  });
  await server.app.register(
    rekorV2Routes({ log, desk, clock: fakeClock(), logger: silentLogger, metrics, basePaths: [''] }),
  );
  ({ port } = await server.listen({ port: 0, host: '127.0.0.1' }));
});
after(async () => {
  held?.resolve();
  await server.close();
  await logs.drop();
});

let made = 0;
const post = (path = PATH): Promise<RawResponse> =>
  send(port, { method: 'POST', path, body: Buffer.from(JSON.stringify(hashedRekord(key, `entry ${made++}`))) });

/** Waits until so many entries have been let in, and throws when one of these was answered instead. */
async function letIn(count: number, answers: Promise<RawResponse>[]): Promise<void> {
  const early = Promise.race(answers).then((answer) => {
    throw new Error(`an answer of ${answer.status} while the store is held`);
  });
  const enough = (async () => {
    while (entered < count) await new Promise((resolve) => setTimeout(resolve, 5));
  })();
  await Promise.race([early, enough]);
}

function assertRefused(answer: RawResponse): void {
  assert.equal(answer.status, 503);
  assert.equal(answer.headers['retry-after'], '1');
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.body.toString(), '{"code":14,"message":"reached max pushback; retry","details":[]}');
}

test('B29 a store that takes its time: a burst is held and answered whole, what comes beyond it is refused before it is read', async () => {
  held = Promise.withResolvers();
  entered = 0;
  const burst = Array.from({ length: BURST }, () => post());
  await letIn(BURST, burst);

  for (const answer of await Promise.all(Array.from({ length: 40 }, () => post()))) assertRefused(answer);
  // In a spelling that the gate does not know the handler refuses, with the same bytes.
  assertRefused(await post('/api/v2/log/%65ntries'));
  // The head alone is answered.
  const socket = connect(port, '127.0.0.1');
  socket.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n`);
  const [head] = (await once(socket, 'data')) as [Buffer];
  assert.match(head.toString(), /^HTTP\/1\.1 503 /);
  socket.destroy();
  // Reading goes on.
  assert.equal((await send(port, { method: 'GET', path: '/checkpoint' })).status, 200);

  held.resolve();
  const indexes = (await Promise.all(burst)).map((answer) => {
    assert.equal(answer.status, 201, answer.body.toString());
    return Number((JSON.parse(answer.body.toString()) as { logIndex: string }).logIndex);
  });
  assert.deepEqual(
    indexes.toSorted((a, b) => a - b),
    Array.from({ length: BURST }, (_, i) => i),
  );
  assert.equal(log.tree.published.head.size, BURST);
  assert.equal((await post()).status, 201);
  assert.match(await metrics.text(), /^rekor_v2_http_requests_total\{code="503",method="POST"\} 42$/m);
});

test('B29 for a second after a refusal fewer are let in, then a burst again', async () => {
  held = Promise.withResolvers();
  entered = 0;
  const some = Array.from({ length: 128 }, () => post());
  await letIn(128, some);
  assertRefused(await post());
  nowMs += 1001;
  const more = Array.from({ length: BURST - 128 }, () => post());
  await letIn(BURST, [...some, ...more]);
  assertRefused(await post());
  held.resolve();
  for (const answer of await Promise.all([...some, ...more])) assert.equal(answer.status, 201);
});
