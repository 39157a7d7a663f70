import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { testDatabase } from '@sigstead/test';
import type { LogSpec } from '../src/index.ts';
import { readAnswer as readSearchAnswer } from '../src/search/answer.ts';
import { parseSearchQuery } from '../src/core/rekor-v2/search-query.ts';
import { newKey } from './support/entries.ts';
import {
  type Answer,
  email,
  entryOf,
  hexSha256,
  indexesIn,
  post,
  san,
  search,
  signerCertificate,
} from './support/search.ts';
import { startServer, type TestServer } from './support/server.ts';
import { hasher, sha256 } from './support/test-log.ts';
import { readNote, until, witnessedServer, witnesses } from './support/witnessed-log.ts';

const alice = signerCertificate(san(email('alice@example.com')));
const QUESTION = '/api/v2/search?identity=alice%40example.com';

interface OneLog {
  server: TestServer;
  /** For processes that come later. */
  spec: LogSpec;
  /** All on one connection of a superuser. */
  readonly query: (text: string) => Promise<{ rows: unknown[] }>;
}

async function oneLog(t: TestContext): Promise<OneLog> {
  const database = await testDatabase();
  t.after(() => database.drop());
  const signer = signerFromPem(generatePrivateKeyPem('ed25519'));
  const spec: LogSpec = { name: 'v2', origin: 'log.example.com', kind: 'rekor-v2', signer };
  const server = await startServer({ database, logs: [{ ...spec, create: true }] });
  t.after(() => server.close());
  const pool = database.pool({ max: 1 });
  return { server, spec, query: (text) => pool.query(text) };
}

test('a log that waits for its witnesses finds nothing that may not be shown yet', async (t) => {
  const known = await witnesses(t, 'w1');
  const [witness = assert.fail()] = known;
  const server = await witnessedServer(t, {
    witnesses: known,
    quorum: 'quorum w1',
    witness: { mode: 'fail-closed', waitMs: 200, timeoutMs: 100 },
  });
  await until(async () => (await server.get('/checkpoint')).status === 200);
  assert.equal(await post(server.url, entryOf(alice, 'shown')), 0);
  witness.behave = () => ({ status: 404, body: 'no\n' });
  const unseen = await fetch(`${server.url}/api/v2/log/entries`, {
    method: 'POST',
    body: new Uint8Array(entryOf(alice, 'unseen')),
  });
  assert.equal(unseen.status, 503);
  const before = await search(server.url, { identity: 'alice@example.com' });
  assert.deepEqual([indexesIn(before), before.treeSize, before.more], [[0], '1', false]);
  assert.deepEqual(readNote(before.checkpoint.envelope, known).by, ['w1']);
  witness.behave = () => 'honest';
  await until(async () => (await search(server.url, { identity: 'alice@example.com' })).treeSize === '2');
  const afterwards = await search(server.url, { identity: 'alice@example.com' });
  assert.deepEqual(indexesIn(afterwards), [0, 1]);
  assert.deepEqual(readNote(afterwards.checkpoint.envelope, known).by, ['w1']);
});

test('a database that is away: 503 and come again, without a word about it', async (t) => {
  const { server } = await oneLog(t);
  await post(server.url, entryOf(alice, 'm'));
  await server.database.drop();
  const response = await fetch(server.url + QUESTION);
  const text = await response.text();
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('retry-after'), '1');
  assert.deepEqual(JSON.parse(text), { code: 14, message: 'log is temporarily unavailable', details: [] });
});

test('a database that stalls keeps nobody for ever, and more searches than may wait are refused at once; other reads go on', async (t) => {
  const { server, query } = await oneLog(t);
  await post(server.url, entryOf(alice, 'm'));
  await query('begin; lock table log.search_keys in access exclusive mode');
  const statuses: number[] = [];
  const answers = Array.from({ length: 100 }, async () => {
    statuses.push((await fetch(server.url + QUESTION)).status);
  });
  // 4 are under way and 64 wait.
  await until(() => statuses.length >= 32);
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await until(async () => (await query(waiting)).rows.length > 0);
  assert.ok(statuses.length < 100, 'refused while others still wait for the table');
  for (const path of ['/checkpoint', '/tile/0/000.p/1', '/tile/entries/000.p/1']) {
    assert.equal((await fetch(server.url + path)).status, 200, path);
  }
  await Promise.all(answers);
  assert.deepEqual([...new Set(statuses)], [503]);
  await query('commit');
  assert.deepEqual(indexesIn(await search(server.url, { identity: 'alice@example.com' })), [0]);
});

test('an entry that the database no longer holds as the tree does is in no answer', async (t) => {
  const { server, spec, query } = await oneLog(t);
  await post(server.url, entryOf(alice, 'm'));
  await query('set session_replication_role = replica');
  await query('update log.batches set records = set_byte(records, 100, get_byte(records, 100) # 1)');
  const anew = await startServer({ database: server.database, logs: [spec] });
  t.after(() => anew.close());
  const response = await fetch(anew.url + QUESTION);
  assert.equal(response.status, 500);
  assert.deepEqual(await response.json(), { code: 13, message: 'internal server error', details: [] });
});

test('a client that believes no server refuses answers that do not hold', async (t) => {
  const { server } = await oneLog(t);
  for (const i of [0, 1, 2]) await post(server.url, entryOf(i === 1 ? newKey() : alice, `m ${i}`));
  const text = `identity=alice%40example.com&from=0&limit=10`;
  const rules = { query: parseSearchQuery(text, sha256), hasher, sha256, verifierFor: () => undefined };
  const read = (answer: unknown): ReturnType<typeof readSearchAnswer> =>
    readSearchAnswer(Buffer.from(JSON.stringify(answer)), rules);
  const good = await search(server.url, { identity: 'alice@example.com' });
  const other = await search(server.url, { hash: hexSha256('m 1') });
  assert.deepEqual(
    read(good).entries.map(({ index }) => index),
    [0, 2],
  );
  const [hit = assert.fail(), second = assert.fail()] = good.hits;
  const [stranger = assert.fail()] = other.hits;
  const bad: [string, Partial<Answer>, RegExp][] = [
    ['another entry', { hits: [stranger] }, /entry 1 is none that was asked for/],
    [
      'a body of another entry',
      { hits: [{ ...hit, canonicalizedBody: second.canonicalizedBody }] },
      /leads to another root/,
    ],
    ['another index', { hits: [{ ...hit, logIndex: '2' }] }, /root|proof/],
    ['an index beyond the tree', { hits: [{ ...hit, logIndex: '3' }] }, /3/],
    ['no proof', { hits: [{ ...hit, inclusionProof: { ...hit.inclusionProof, hashes: [] } }] }, /proof/],
    ['another checkpoint', { checkpoint: { envelope: 'x' } }, /does not hold/],
    ['one entry twice', { hits: [hit, hit] }, /not in order/],
    ['entries in another order', { hits: [second, hit] }, /not in order/],
    ['an entry of the next page', { next: '2', more: true }, /not before next/],
    [
      'the id of another log',
      { hits: [{ ...hit, logId: { keyId: Buffer.alloc(32).toString('base64') } } as typeof hit] },
      /id of the log/,
    ],
    ['no way on', { hits: [], more: true, next: '0' }, /leads nowhere/],
    ['no list', { hits: undefined as never }, /no list of hits/],
  ];
  const lies = { rootHash: 'AAAA', treeSize: '9', logIndex: '7' };
  const embellished = {
    ...hit,
    integratedTime: '1700000000',
    inclusionPromise: { signedEntryTimestamp: 'AAAA' },
    x: 1,
  };
  const lying = { ...embellished, inclusionProof: { ...hit.inclusionProof, ...lies } };
  assert.deepEqual(read({ ...good, hits: [lying] }).entries[0]?.json, hit, 'what is not proven is not passed on');
  for (const [what, change, reason] of bad) {
    assert.throws(
      () => read({ ...good, ...change }),
      (error) => error instanceof Error && reason.test(error.message),
      what,
    );
  }
});
