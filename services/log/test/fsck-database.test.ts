import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { type Pool, silentLogger } from '@sigstead/platform';
import { testDatabase } from '@sigstead/test';
import { type DatabaseLogReport, fsckDatabase } from '../src/compose-fsck.ts';
import { LogError, StoreError } from '../src/core/errors.ts';
import { unpackRecords } from '../src/core/records.ts';
import { rekorV2Personality } from '../src/core/rekor-v2/personality.ts';
import { fsckStored } from '../src/fsck-stored.ts';
import { auditReads } from '../src/store/postgres-store.ts';
import { certificate, isCa, POISON } from './support/certificates.ts';
import { hashedRekord, newKey } from './support/entries.ts';
import { KEY_PEM, rootOf } from './support/folder-log.ts';
import { send } from './support/raw-http.ts';
import { startServer, type TestServer } from './support/server.ts';
import { hasher } from './support/test-log.ts';

const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const ctSigner = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const root = certificate({ subject: 'root', extensions: [isCa()] });
const SIZE = 530;
const CT_SIZE = 5;
const TABLES = ['heads', 'notes', 'batches', 'tiles', 'identities', 'leaf_hashes'];

let server: TestServer;
let pool: Pool;
before(async () => {
  server = await startServer({
    logs: [
      { name: 'v2', origin: 'log.example.com', kind: 'rekor-v2', signer, create: true },
      { name: 'ct', origin: 'ct.example.com', kind: 'ct', signer: ctSigner, create: true, acceptedRoots: [root.der] },
    ],
  });
  pool = server.database.pool({ max: 1 });
  const key = newKey();
  for (let from = 0; from < SIZE; from += 100) {
    const posts = Array.from({ length: Math.min(100, SIZE - from) }, (_, i) => {
      const body = Buffer.from(JSON.stringify(hashedRekord(key, `message ${from + i}`)));
      return send(server.port, { method: 'POST', path: '/api/v2/log/entries', body });
    });
    for (const { status } of await Promise.all(posts)) assert.equal(status, 201);
  }
  for (let i = 0; i < CT_SIZE; i++) {
    const leaf = certificate({ subject: `leaf ${i}`, issuer: root, extensions: [POISON] });
    await server.handle.ct('ct').addPreChain([leaf.der, root.der]);
  }
  await pool.query('create schema saved');
  for (const table of TABLES) await pool.query(`create table saved.${table} as select * from log.${table}`);
});
after(() => server.close());

async function check(log = 'v2'): Promise<DatabaseLogReport> {
  const [report] = await fsckDatabase({
    connectionString: server.database.connectionString,
    logger: silentLogger,
    log,
  });
  return report ?? assert.fail('no report');
}

/** As a superuser who switches the triggers and constraints off; undone afterwards. */
async function tampered(statement: string, then: () => Promise<void>): Promise<void> {
  await pool.query('set session_replication_role = replica');
  try {
    const { rowCount } = await pool.query(statement);
    assert.ok((rowCount ?? 0) > 0, 'nothing was tampered with');
    await then();
  } finally {
    for (const table of TABLES) {
      await pool.query(`delete from log.${table}; insert into log.${table} select * from saved.${table}`);
    }
  }
}

test('a sound database is ok: every log of it, with progress up to its size', async () => {
  const seen = new Map<string, number>();
  const reports = await fsckDatabase({
    connectionString: server.database.connectionString,
    logger: silentLogger,
    onProgress: (log, { entries, total }) => seen.set(log, entries / total),
  });
  assert.deepEqual(
    reports.map(({ name, outcome, size, problems, complete }) => ({ name, outcome, size, problems, complete })),
    [
      { name: 'ct', outcome: 'ok', size: CT_SIZE, problems: [], complete: true },
      { name: 'v2', outcome: 'ok', size: SIZE, problems: [], complete: true },
    ],
  );
  assert.deepEqual(
    [...seen],
    [
      ['ct', 1],
      ['v2', 1],
    ],
  );
});

const V2 = `log_id = (select log_id from log.logs where name = 'v2')`;
const CT = `log_id = (select log_id from log.logs where name = 'ct')`;
/** Sets one bit of one byte of a bytea column to its opposite. */
const flip = (column: string, at: number | string): string =>
  `${column} = set_byte(${column}, ${at}, get_byte(${column}, ${at}) # 1)`;
const FIRST_BATCH = `${V2} and first_index = 0`;
const LAST_HEAD = `size = (select max(size) from log.heads where ${V2})`;

const PLACES: Record<string, [statement: string, first: RegExp, log?: string]> = {
  'a byte of a leaf': [
    `update log.batches set ${flip('records', 20)} where ${FIRST_BATCH}`,
    /^entry 0 has another leaf hash than was logged: expected [0-9a-f]{64}, found [0-9a-f]{64}$/,
  ],
  'a stored leaf hash': [
    `update log.batches set ${flip('leaf_hashes', 0)} where ${FIRST_BATCH}`,
    /^entry 0 has another leaf hash stored with it: expected [0-9a-f]{64}, found [0-9a-f]{64}$/,
  ],
  'the frame of a batch': [
    `update log.batches set ${flip('records', 3)} where ${FIRST_BATCH}`,
    /^entries 0 to \d+ cannot be read: batch blob does not hold \d+ records$/,
  ],
  'a batch cut off': [
    `update log.batches set records = substring(records from 1 for octet_length(records) - 1) where ${FIRST_BATCH}`,
    /^entries 0 to \d+ cannot be read/,
  ],
  'a batch that no head has': [
    `insert into log.batches select log_id, 5, entry_count, leaf_hashes, records from log.batches where ${FIRST_BATCH}`,
    /^there is a batch at entry 5 that is none of the log's$/,
  ],
  'a deleted batch': [`delete from log.batches where ${FIRST_BATCH}`, /^entries 0 to \d+ cannot be read/],
  'a hash of a tile': [
    `update log.tiles set ${flip('hashes', 32 * 7)} where ${V2} and level = 0 and tile_index = 1`,
    /^tile 1 of level 0 is not what its entries make: hash 7 should be [0-9a-f]{64}, found [0-9a-f]{64}$/,
  ],
  'the root of a tile': [
    `update log.tiles set ${flip('root', 0)} where ${V2} and level = 0 and tile_index = 1`,
    /^tile 1 of level 0 has another root: expected/,
  ],
  'a deleted tile': [`delete from log.tiles where ${V2} and tile_index = 0`, /^tile 0 of level 0 is missing$/],
  'a tile too many': [
    `insert into log.tiles select log_id, level, 2, hashes, root from log.tiles where ${V2} and tile_index = 0`,
    /^there are 3 full tiles where a log of this size has 2$/,
  ],
  'the root of a head': [
    `update log.heads set ${flip('root', 0)} where ${V2} and ${LAST_HEAD}`,
    /^head size 530 root [0-9a-f]{64} is not the root of its entries, which is [0-9a-f]{64}$/,
  ],
  'a deleted head': [`delete from log.heads where ${V2} and previous_size = 0`, /^head \d+ follows [1-9]\d*, not 0$/],
  'no head at all': [`delete from log.heads where ${V2}`, /^the log has no head$/],
  'a tail cut off, but for its other rows': [
    `delete from log.heads where ${V2} and ${LAST_HEAD}`,
    /^there are \d+ batches where a log of this size has \d+$/,
  ],
  'a byte of a note': [
    `update log.notes set ${flip('note', 'octet_length(note) - 10')} where ${V2} and ${LAST_HEAD}`,
    /^a note of 530 does not verify/,
  ],
  'a note of another head': [
    `update log.notes set note = (select note from log.notes where ${V2} and size = 0) where ${V2} and ${LAST_HEAD}`,
    /^a note of 530 says another head: size 0 /,
  ],
  'a deleted note': [`delete from log.notes where ${V2} and ${LAST_HEAD}`, /^head 530 has no note$/],
  'a note of no head': [
    `insert into log.notes select log_id, 9999, 0, created_ms, note from log.notes where ${V2} and size = 0`,
    /^there are \d+ notes, some of no head$/,
  ],
  'two indexes exchanged': [
    `update log.identities set entry_index = 7 - entry_index where ${V2} and entry_index in (3, 4)`,
    /^the identity of entry 3 is stored with entry 4$/,
  ],
  'an index doubled': [
    `update log.identities set entry_index = 3 where ${V2} and entry_index = 4`,
    /^the identity of entry 4 is stored with entry 3$/,
  ],
  'an identity': [
    `update log.identities set ${flip('identity', 0)} where ${V2} and entry_index = 5`,
    /^the identity of entry 5 is not stored$/,
  ],
  'an identity too many': [
    `insert into log.identities select log_id, sha256(identity), 99999 from log.identities where ${V2} and entry_index = 5`,
    /^there are 531 identities where a log of this size has 530$/,
  ],
  'a byte of a CT leaf': [
    `update log.batches set ${flip('records', 40)} where ${CT} and first_index = 2`,
    /^entry 2 has another leaf hash than was logged/,
    'ct',
  ],
  'a CT leaf hash that leads elsewhere': [
    `update log.leaf_hashes set entry_index = 1 where ${CT} and entry_index = 2`,
    /^leaf hash of entry 2 is found at 1$/,
    'ct',
  ],
  'a CT identity': [
    `update log.identities set ${flip('identity', 31)} where ${CT} and entry_index = 3`,
    /^the identity of entry 3 is not stored$/,
    'ct',
  ],
  'the time of a CT head': [
    `update log.notes set ${flip('note', 7)} where ${CT} and size = 4`,
    /^a note of 4 does not verify: a tree head does not verify$/,
    'ct',
  ],
};

for (const [name, [statement, first, log]] of Object.entries(PLACES)) {
  test(`a superuser's tampering is found and named first: ${name}`, async () => {
    await tampered(statement, async () => {
      const report = await check(log);
      assert.equal(report.outcome, 'bad');
      assert.match(report.problems[0] ?? '', first, report.problems.join('\n'));
    });
    assert.equal((await check(log)).outcome, 'ok');
  });
}

test('a check is of pages: a batch at a time where batches are large, and every page is told to who sets the pace', async () => {
  const { rows } = await pool.query<{ log_id: number; batches: string }>(
    `select log_id, count(*)::text as batches from log.batches where ${V2} group by log_id`,
  );
  const [row] = rows;
  assert.ok(row !== undefined);
  const reads = auditReads(pool, row.log_id);
  const [first, ...more] = await reads.batches({ from: 0, maxBytes: 1 });
  assert.deepEqual([first?.firstIndex, more.length], [0, 0]);
  assert.equal((await reads.batches({ from: 1, maxBytes: 2 ** 30 })).length, Number(row.batches) - 1);
  assert.deepEqual(await reads.batches({ from: SIZE, maxBytes: 2 ** 30 }), []);
  let bytes = 0;
  const personality = rekorV2Personality({ origin: 'log.example.com', signer });
  const pace = (read: number): Promise<void> => {
    bytes += read;
    return Promise.resolve();
  };
  const report = await fsckStored({ pool, logId: row.log_id, personality, pace });
  assert.deepEqual(report.problems, []);
  const { rows: stored } = await pool.query<{ bytes: string }>(
    `select sum(octet_length(records))::text as bytes from log.batches where ${V2}`,
  );
  assert.ok(bytes >= Number(stored[0]?.bytes), `${bytes} bytes were told`);
});

test('notes that are held elsewhere must verify and be of this very tree, whatever their size', async () => {
  const { connectionString } = server.database;
  const note = async (size: number, root: Uint8Array): Promise<Uint8Array> =>
    rekorV2Personality({ origin: 'log.example.com', signer }).signHead({ size, root, timestampMs: 0 });
  const leaves = await readLeaves();
  const rootAt = (size: number): Uint8Array => rootOf(leaves.slice(0, size).map((leaf) => hasher.leaf(leaf)));
  const held = async (notes: [string, Uint8Array][]): Promise<string[]> => {
    const [report] = await fsckDatabase({
      connectionString,
      logger: silentLogger,
      log: 'v2',
      notes: notes.map(([name, bytes]) => ({ name, bytes })),
    });
    return [...(report?.problems ?? [])];
  };
  const sizes = [0, 1, 3, 255, 256, 257, 511, 512, SIZE];
  assert.deepEqual(
    await held(
      await Promise.all(sizes.map(async (n): Promise<[string, Uint8Array]> => [`n${n}`, await note(n, rootAt(n))])),
    ),
    [],
  );
  const [fork, beyond, forged] = await held([
    ['fork', await note(257, rootAt(256))],
    ['beyond', await note(SIZE + 1, rootAt(SIZE))],
    ['forged', Buffer.from('no note')],
  ]);
  assert.match(
    fork ?? '',
    /^fork \(size 257 root [0-9a-f]{64}\) is of another tree: the log had root [0-9a-f]{64} at that size$/,
  );
  assert.match(beyond ?? '', /^beyond \(size 531 .*\) is larger than the log, which has 530 entries$/);
  assert.match(forged ?? '', /^forged does not verify: /);
});

async function readLeaves(): Promise<Uint8Array[]> {
  const { rows } = await pool.query<{ records: Buffer; entry_count: number }>(
    `select records, entry_count from log.batches where ${V2} order by first_index`,
  );
  return rows.flatMap(({ records, entry_count }) => unpackRecords(records, entry_count).map(({ leaf }) => leaf));
}

test('the server checks itself no less than the command does', async () => {
  const [statement, first] = PLACES['two indexes exchanged'] ?? assert.fail();
  await tampered(statement, async () => {
    const report = await server.handle.fsck('v2');
    assert.match(report.problems[0] ?? '', first);
  });
  assert.deepEqual((await server.handle.fsck('ct')).problems, []);
});

test('a log that grows while it is checked is checked up to where it was', async () => {
  const key = newKey();
  let grown = 0;
  const [report] = await fsckDatabase({
    connectionString: server.database.connectionString,
    logger: silentLogger,
    log: 'v2',
    onProgress: () => {
      if (grown++ > 0) return;
      const body = Buffer.from(JSON.stringify(hashedRekord(key, 'meanwhile')));
      void send(server.port, { method: 'POST', path: '/api/v2/log/entries', body });
    },
  });
  assert.deepEqual([report?.outcome, report?.size], ['ok', SIZE]);
});

test('the key that is given must be the one the log was made with', async () => {
  const pem = createPublicKey({ key: Buffer.from(signer.spki), format: 'der', type: 'spki' })
    .export({ format: 'pem', type: 'spki' })
    .toString();
  const { connectionString } = server.database;
  const options = { connectionString, logger: silentLogger, log: 'v2' };
  assert.equal((await fsckDatabase({ ...options, key: pem }))[0]?.outcome, 'ok');
  await assert.rejects(fsckDatabase({ ...options, key: KEY_PEM }), isMisconfigured(/another key/));
});

test('a database without logs, another name, and nobody there are errors, never ok', async () => {
  const { connectionString } = server.database;
  const empty = await testDatabase();
  try {
    const nothing = fsckDatabase({ connectionString: empty.connectionString, logger: silentLogger });
    await assert.rejects(nothing, isMisconfigured(/no logs of ours/));
  } finally {
    await empty.drop();
  }
  const other = fsckDatabase({ connectionString, logger: silentLogger, log: 'v3' });
  await assert.rejects(other, isMisconfigured(/no log "v3"; there is ct, v2/));
  const gone = fsckDatabase({ connectionString: 'postgresql://127.0.0.1:1/x', logger: silentLogger });
  await assert.rejects(gone, (error) => error instanceof StoreError && error.code === 'lost');
});

function isMisconfigured(text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof LogError && error.code === 'misconfigured' && text.test(error.message);
}
