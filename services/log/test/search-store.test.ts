import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import fc from 'fast-check';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { type Pool, silentLogger } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import { type LogSpec, rebuildStoredSearch, statusOfStoredSearch } from '../src/index.ts';
import { newKey } from './support/entries.ts';
import {
  bareIssuer,
  email,
  entryOf,
  hexSha256,
  indexesIn,
  post,
  type Range,
  san,
  search,
  signerCertificate,
} from './support/search.ts';
import { startServer, type TestServer } from './support/server.ts';

const spec = (): LogSpec => ({
  name: 'log',
  origin: 'log.example.com',
  kind: 'rekor-v2',
  signer: signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256')),
  create: true,
});

/** One log, whose servers come and go. */
interface Bench {
  database: TestDatabase;
  pool: Pool;
  serve(also?: Partial<LogSpec>): Promise<TestServer>;
  rebuild(everywhere?: boolean): Promise<{ entries: number; size: number }>;
  status(): ReturnType<typeof statusOfStoredSearch>;
  /** As a superuser whom no trigger stops. */
  tamper(statement: string): Promise<void>;
  close(): Promise<void>;
}

async function openBench(): Promise<Bench> {
  const database = await testDatabase();
  const pool = database.pool({ max: 1 });
  const own = spec();
  const servers: TestServer[] = [];
  const at = { connectionString: database.connectionString, logger: silentLogger, log: 'log' };
  return {
    database,
    pool,
    async serve(also = {}) {
      const server = await startServer({ database, logs: [{ ...own, ...also }], checkpointAgeMs: 0 });
      servers.push(server);
      return server;
    },
    rebuild: (everywhere = false) => rebuildStoredSearch({ ...at, everywhere }),
    status: () => statusOfStoredSearch({ ...at, batches: 50 }),
    async tamper(statement) {
      await pool.query(`set session_replication_role = replica; ${statement}; reset session_replication_role`);
    },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
      await database.drop();
    },
  };
}

suite('what is searchable', { timeout: 120_000 }, () => {
  let bench: Bench;
  const alice = signerCertificate(san(email('alice@example.com')), bareIssuer('https://idp.example'));
  const terms = { identity: 'alice@example.com' };
  before(async () => {
    bench = await openBench();
  });
  after(() => bench.close());

  const told = async (server: TestServer, also: Record<string, string> = {}) => {
    const { hits, complete, missing, searched } = await search(server.url, { ...terms, ...also });
    return { found: indexesIn({ hits }), complete, missing, searched };
  };
  const all = (end: number): { searched: Range } => ({ searched: { from: '0', to: String(end) } });

  test('what was added while search was off cannot be found, and every answer about that part says so', async () => {
    const on = await bench.serve();
    for (const i of [0, 1]) await post(on.url, entryOf(alice, `on ${i}`));
    const off = await bench.serve({ search: false, create: false });
    for (const i of [2, 3]) await post(off.url, entryOf(alice, `off ${i}`));
    await post(on.url, entryOf(alice, 'on 4'));
    const missing = [{ from: '2', to: '4' }];
    assert.deepEqual(await told(on), { found: [0, 1, 4], complete: false, missing, ...all(5) });
    assert.deepEqual((await told(on, { from: '3' })).missing, [{ from: '3', to: '4' }]);
    assert.equal((await told(on, { limit: '2' })).complete, true, 'it was not looked at yet');
    assert.equal((await told(on, { from: '4' })).complete, true);
    const refused = await fetch(`${off.url}/api/v2/search?identity=x`);
    assert.equal(refused.status, 501);
    assert.match(await refused.text(), /switched off/);
    const { searchable, missing: gaps, sample } = await bench.status();
    assert.deepEqual(
      { searchable, gaps, lacking: sample.lacking },
      { searchable: 3, gaps: [{ begin: 2, end: 4 }], lacking: [] },
    );
  });

  test('a rebuild beside running servers makes them searchable, once', async () => {
    const server = await bench.serve({ create: false });
    assert.deepEqual(await bench.rebuild(), { entries: 2, size: 5 });
    assert.deepEqual(await told(server), { found: [0, 1, 2, 3, 4], complete: true, missing: [], ...all(5) });
    assert.deepEqual(await bench.rebuild(), { entries: 0, size: 5 });
    const { rows } = await bench.pool.query('select count(*)::integer as n from log.search_keys');
    // Issuer, identity, key, certificate and hash of each of five batches.
    assert.deepEqual(rows, [{ n: 25 }]);
    assert.deepEqual(await bench.rebuild(true), { entries: 5, size: 5 });
    assert.deepEqual((await bench.pool.query('select count(*)::integer as n from log.search_keys')).rows, [{ n: 25 }]);
  });

  test('emptied tables are noticed by a running server, and are filled again', async () => {
    const server = await bench.serve({ create: false });
    assert.equal((await told(server)).complete, true);
    await bench.pool.query('truncate log.search_keys, log.search_batches, log.search_rebuilt');
    assert.deepEqual(await told(server), { found: [], complete: false, missing: [{ from: '0', to: '5' }], ...all(5) });
    await post(server.url, entryOf(alice, 'after 5'));
    assert.deepEqual((await told(server)).found, [5]);
    assert.deepEqual(await bench.rebuild(), { entries: 5, size: 6 });
    assert.deepEqual(await told(server), { found: [0, 1, 2, 3, 4, 5], complete: true, missing: [], ...all(6) });
  });

  test('rows that are gone are found out by comparing, and made again', async () => {
    const server = await bench.serve({ create: false });
    await bench.tamper('delete from log.search_keys where first_index = 3');
    assert.deepEqual((await told(server)).found, [0, 1, 2, 4, 5]);
    assert.deepEqual((await bench.status()).sample.lacking, [{ firstIndex: 3, rows: 5 }]);
    assert.deepEqual(await bench.rebuild(true), { entries: 6, size: 6 });
    assert.deepEqual((await told(server)).found, [0, 1, 2, 3, 4, 5]);
    assert.deepEqual((await bench.status()).sample.lacking, []);
  });

  test('rows cannot be changed or taken away by whoever is held by the triggers', async () => {
    for (const table of ['search_keys', 'search_batches', 'search_rebuilt']) {
      await assert.rejects(bench.pool.query(`delete from log.${table}`), /append-only/);
      await assert.rejects(bench.pool.query(`update log.${table} set log_id = 1`), /append-only/);
    }
  });

  test('two rebuilds at once: one says that the other is at it', async () => {
    // Held like a rebuild holds it, by another process.
    const { PostgresLease } = await import('../src/store/lease.ts');
    const lease = new PostgresLease(bench.database.connectionString);
    const { rows } = await bench.pool.query<{ log_id: number }>('select log_id from log.logs');
    try {
      assert.equal(await lease.hold(`search ${rows[0]?.log_id}`), true);
      await assert.rejects(bench.rebuild(), /being rebuilt by another process/);
    } finally {
      await lease.close();
    }
    assert.deepEqual(await bench.rebuild(), { entries: 0, size: 6 });
  });
});

suite('rows that lie', { timeout: 60_000 }, () => {
  let bench: Bench;
  let server: TestServer;
  const [alice, mallory] = ['alice', 'mallory'].map((name) => signerCertificate(san(email(`${name}@example.com`))));
  before(async () => {
    bench = await openBench();
    server = await bench.serve();
    for (const [i, signer] of [alice, mallory, mallory, alice].entries()) {
      await post(server.url, entryOf(signer ?? assert.fail(), `entry ${i}`));
    }
  });
  after(() => bench.close());

  const found = async (): Promise<number[]> => indexesIn(await search(server.url, { identity: 'alice@example.com' }));
  const rowsOf = (index: number): string => `from log.search_keys where first_index = ${index}`;

  test('cannot bring another entry into an answer, nor one that does not exist, nor one twice', async () => {
    assert.deepEqual(await found(), [0, 3]);
    const insert = 'insert into log.search_keys (log_id, segment, key, first_index, places)';
    await bench.pool.query(`${insert} select log_id, segment, key, 1, places ${rowsOf(0)}`);
    await bench.pool.query(`${insert} select log_id, segment, key, 3, '\\x0000ffff0001' ${rowsOf(0)}`);
    await bench.pool.query(`${insert} select log_id, segment, key, 0, '\\x00000000000000000300' ${rowsOf(0)}`);
    await bench.pool.query(`${insert} select log_id, segment, key, first_index, '\\x' ${rowsOf(0)}`);
    await bench.pool.query(`${insert} select log_id, segment, key, first_index, '\\x00' ${rowsOf(0)}`);
    assert.deepEqual(await found(), [0, 3]);
  });

  test("ahead of the log are in nobody's way: entries are added as before", async () => {
    await bench.pool.query(
      `insert into log.search_keys (log_id, segment, key, first_index, places)
       select log_id, segment, key, 4 + n, places from log.search_keys, generate_series(0, 3) n where first_index = 0`,
    );
    await bench.pool.query(
      'insert into log.search_batches (log_id, first_index, entry_count) select log_id, 4, 1000 from log.logs',
    );
    const index = await post(server.url, entryOf(alice ?? assert.fail(), 'entry 4'));
    assert.equal(index, 4);
    assert.deepEqual(await found(), [0, 3, 4]);
  });

  test('can hide an entry, and that is all', async () => {
    await bench.tamper(`delete ${rowsOf(3)}`);
    assert.deepEqual(await found(), [0, 4]);
  });
});

suite('several processes', { timeout: 60_000 }, () => {
  let bench: Bench;
  before(async () => {
    bench = await openBench();
  });
  after(() => bench.close());

  test('an entry that was answered by one is found at every other at once', async () => {
    const servers = [await bench.serve(), await bench.serve({ create: false })];
    const signer = signerCertificate(san(email('x@example.com')));
    for (let i = 0; i < 8; i++) {
      const [here, there] = [servers[i % 2] ?? assert.fail(), servers[(i + 1) % 2] ?? assert.fail()];
      const index = await post(here.url, entryOf(signer, `m ${i}`));
      assert.deepEqual(indexesIn(await search(there.url, { hash: hexSha256(`m ${i}`) })), [index]);
      assert.equal(indexesIn(await search(there.url, { identity: 'X@example.com' })).length, i + 1);
    }
  });
});

suite('search beside a slow model', { timeout: 120_000 }, () => {
  let bench: Bench;
  let server: TestServer;
  /** What each entry holds, by index. */
  const held: Map<string, string>[] = [];
  const people = ['a@x', 'b@x', 'c@x'];
  const issuers = ['https://one', 'https://two'];
  const certificates = people.flatMap((person) =>
    issuers.map((issuer) => ({ person, issuer, made: signerCertificate(san(email(person)), bareIssuer(issuer)) })),
  );
  const keys = [newKey(), newKey()];

  before(async () => {
    bench = await openBench();
    server = await bench.serve();
    // Bursts of different sizes, so that batches are.
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: randomInt(1, 12) }, () => add(round)));
  });
  after(() => bench.close());

  let made = 0;
  async function add(round: number): Promise<void> {
    const message = `message ${made++ % 90} ${round % 3}`;
    const choice = randomInt(certificates.length + keys.length);
    const certificate = certificates[choice];
    const signer = certificate?.made ?? keys[choice - certificates.length] ?? assert.fail();
    const index = await post(server.url, entryOf(signer, message));
    held[index] = new Map([
      ['hash', hexSha256(message)],
      ['publicKey', `sha256:${hexSha256(signer.spki)}`],
      ...(certificate === undefined
        ? []
        : ([
            ['certificate', `sha256:${hexSha256(certificate.made.der)}`],
            ['identity', certificate.person],
            ['issuer', certificate.issuer],
          ] as [string, string][])),
    ]);
  }

  const filtered = (terms: readonly [string, string][], from: number): number[] =>
    held.flatMap((entry, i) => (i >= from && terms.every(([name, value]) => entry.get(name) === value) ? [i] : []));

  test('pages give what a filter over all entries gives, while the log grows', async () => {
    const term = fc.integer({ min: 0, max: 1_000_000 }).map((n): [string, string] => {
      const entry = [...(held[n % held.length] ?? assert.fail())];
      return entry[Math.floor(n / held.length) % entry.length] ?? assert.fail();
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(term, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 40 }),
        async (terms, from, limit) => {
          const found: number[] = [];
          let next = String(from);
          for (let more = true; more; ) {
            const answer = await search(server.url, [...terms, ['from', next], ['limit', String(limit)]]);
            assert.ok(answer.complete && answer.hits.length <= limit && answer.searched.from === next);
            found.push(...indexesIn(answer));
            ({ next, more } = answer);
            if (more && found.length % 5 === 0) await add(found.length);
          }
          assert.deepEqual(
            found,
            filtered(terms, from).filter((i) => i < Number(next)),
          );
        },
      ),
      { numRuns: 30 },
    );
  });
});
