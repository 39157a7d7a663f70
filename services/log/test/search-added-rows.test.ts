import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { type Pool, silentLogger } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { searchKey } from '../src/core/rekor-v2/search-keys.ts';
import { SEGMENT_ENTRIES, storedKey } from '../src/core/search-rows.ts';
import { rebuildStoredSearch } from '../src/index.ts';
import { email, entryOf, indexesIn, post, san, search, signerCertificate } from './support/search.ts';
import { searchIndex } from '../src/store/searching.ts';
import { startServer, type TestServer } from './support/server.ts';
import { sha256 } from './support/test-log.ts';

const BATCHES = 12;

/** Rows are only ever added, by whoever may add entries: so what is added must not hide anything. */
suite('rows that were added', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let pool: Pool;
  let server: TestServer;
  before(async () => {
    database = await testDatabase();
    pool = database.pool({ max: 1 });
    const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
    const log = { name: 'log', origin: 'log.example.com', kind: 'rekor-v2', signer, create: true } as const;
    server = await startServer({ database, logs: [log], checkpointAgeMs: 0 });
    const alice = signerCertificate(san(email('alice@example.com')));
    for (let i = 0; i < BATCHES; i++) await post(server.url, entryOf(alice, `entry ${i}`));
  });
  after(async () => {
    await server.close();
    await database.drop();
  });

  const all = Array.from({ length: BATCHES }, (_, i) => i);
  const found = async (): Promise<number[]> => indexesIn(await search(server.url, { identity: 'alice@example.com' }));
  const insert = (row: string, where: string): Promise<unknown> =>
    pool.query(`insert into log.search_keys (log_id, segment, key, first_index, places)
                select log_id, ${row} from log.search_keys, generate_series(1, 5) n where ${where}`);

  /** Where the first batches begin that one statement gives, and how many entries they have. */
  async function firstBatches(most: number, fromBatch = 0): Promise<[number, number][]> {
    const { rows } = await pool.query<{ log_id: number }>('select log_id from log.logs');
    const index = searchIndex(pool, rows[0]?.log_id ?? assert.fail());
    const key = storedKey(searchKey({ kind: 'identity', value: Buffer.from('alice@example.com') }, sha256));
    const segments = { first: 0, last: 3 };
    const given = await index.rows({ keys: [key], driver: 0, segments, fromBatch, most });
    return [...new Map(given.map(({ firstIndex, entryCount }) => [firstIndex, entryCount]))];
  }

  test('twice: a statement gives as many batches as before, so nobody takes it for the last one', async () => {
    await insert('segment, key, first_index, places', 'first_index in (1, 2)');
    assert.deepEqual(
      await firstBatches(4),
      [0, 1, 2, 3].map((i) => [i, 1]),
    );
    assert.deepEqual(await found(), all);
  });

  test('beside damaged ones, by a rebuild: the same', async () => {
    await pool.query(`set session_replication_role = replica;
      update log.search_keys set places = '\\x0007' where first_index = 5;
      reset session_replication_role`);
    await rebuildStoredSearch({
      connectionString: database.connectionString,
      logger: silentLogger,
      log: 'log',
      everywhere: true,
    });
    assert.deepEqual(
      await firstBatches(4, 4),
      [4, 5, 6, 7].map((i) => [i, 1]),
    );
    assert.deepEqual(await found(), all);
  });

  test('in a segment where they do not belong are not looked at', async () => {
    await insert(`0, key, ${SEGMENT_ENTRIES} * n, places`, 'first_index = 0');
    await insert(`n::integer, key, 3, places`, 'first_index = 0');
    assert.deepEqual(
      (await firstBatches(256)).map(([i]) => i),
      all,
    );
  });

  test('for a batch that does not exist are told from others by its having no entries', async () => {
    await insert(`0, key, ${BATCHES} + n, places`, 'first_index = 0 and n = 1');
    assert.deepEqual((await firstBatches(256)).at(-1), [BATCHES + 1, 0]);
    assert.deepEqual(await found(), all);
  });

  test('in a number that nobody reads through: their batch is read itself', async () => {
    for (let i = 0; i < 3; i++) await insert(`segment, key, first_index, '\\x0001'`, 'first_index = 11');
    await pool.query(`set session_replication_role = replica;
      delete from log.search_keys where first_index = 11 and places = '\\x0000';
      reset session_replication_role`);
    await insert(`segment, key, first_index, '\\x0001'`, 'first_index = 11');
    assert.deepEqual(await found(), all);
  });
});
