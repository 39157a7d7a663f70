import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { generatePrivateKeyPem, signerFromPem } from '@sigstead/keys';
import { createMetrics, silentLogger, systemClock } from '@sigstead/platform';
import { type TestDatabase, testDatabase } from '@sigstead/test';
import pg from 'pg';
import { composeLog, type LogHandle, type LogSpec } from '../src/index.ts';
import { fsck } from '../src/core/fsck.ts';
import { hasher, sha256, testLogs, text, textPersonality } from './support/test-log.ts';

const signer = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
const spec: LogSpec = { name: 'one', origin: 'one.example.com', kind: 'rekor-v2', signer };

let database: TestDatabase;
before(async () => {
  database = await testDatabase();
});
after(() => database.drop());

const composed: LogHandle[] = [];
// A log that a failed test leaves open would keep the process alive.
afterEach(async () => {
  await Promise.all(composed.splice(0).map((handle) => handle.close()));
});

async function compose(...logs: LogSpec[]): Promise<LogHandle> {
  const { connectionString } = database;
  const options = { connectionString, logger: silentLogger, metrics: createMetrics(), clock: systemClock, logs };
  const handle = await composeLog(options);
  composed.push(handle);
  return handle;
}

/** Runs statements on a connection of their own. */
async function onClient<T>(connectionString: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await run(client);
  } finally {
    await client.end();
  }
}

function checkpointOf(handle: LogHandle): string {
  return Buffer.from(handle.rekorV2('one').checkpoint()).toString();
}

test('a log is made by asking for it, never by naming it; made twice it is the same, to its genesis note', async () => {
  await assert.rejects(compose(spec), { code: 'misconfigured', message: /there is no log "one"/ });
  const both = await Promise.all([compose({ ...spec, create: true }), compose({ ...spec, create: true })]);
  const [first, second] = both.map(checkpointOf);
  assert.equal(first, second);
  assert.equal(checkpointOf(await compose({ ...spec, create: true })), first);
  assert.equal(checkpointOf(await compose(spec)), first);
});

test('a log does not start with another key, origin or kind than it was made with', async () => {
  const other = signerFromPem(generatePrivateKeyPem('ecdsa-p256-sha256'));
  for (const create of [false, true]) {
    await assert.rejects(compose({ ...spec, create, signer: other }), {
      code: 'misconfigured',
      message: /another key/,
    });
    await assert.rejects(compose({ ...spec, create, origin: 'two.example.com' }), {
      message: /origin "one\.example\.com"/,
    });
    await assert.rejects(compose({ ...spec, create, kind: 'ct' }), { message: /kind "rekor-v2"/ });
  }
});

test('configurations that cannot serve are refused before anything is created', async () => {
  const bad: LogSpec[][] = [
    [
      { ...spec, create: true },
      { ...spec, name: 'second', origin: 'two.example.com', create: true },
    ],
    [
      { ...spec, create: true },
      { ...spec, create: true },
    ],
    [{ ...spec, name: 'Bad Name', create: true }],
    [{ ...spec, name: 'space', origin: 'a b', create: true }],
    [{ ...spec, name: 'plus', origin: 'a+b', create: true }],
    [{ ...spec, name: 'p384', signer: signerFromPem(generatePrivateKeyPem('ecdsa-p384-sha384')), create: true }],
    [{ ...spec, name: 'ed-ct', kind: 'ct', signer: signerFromPem(generatePrivateKeyPem('ed25519')), create: true }],
  ];
  for (const logs of bad) await assert.rejects(compose(...logs), { code: 'misconfigured' });
  const names = await onClient(database.connectionString, (client) =>
    client.query<{ name: string }>('select name from log.logs'),
  );
  assert.deepEqual(names.rows, [{ name: 'one' }]);
});

test('a hand in the database that gets past the triggers is found by the checker, whatever it touches', async () => {
  const flip = (column: string): string => `set_byte(${column}, 5, (get_byte(${column}, 5) + 1) % 256)`;
  const damages: [table: string, sql: string, found: RegExp][] = [
    [
      'batches',
      `update log.batches set records = ${flip('records').replaceAll('5', '9')} where first_index = 0`,
      /entry 0 has another leaf hash|is not the root/,
    ],
    [
      'batches',
      `update log.batches set leaf_hashes = ${flip('leaf_hashes')} where first_index = 0`,
      /entry 0 has another leaf hash/,
    ],
    ['heads', `update log.heads set root = ${flip('root')} where size = 300`, /is not the root of its entries/],
    ['notes', `update log.notes set note = ${flip('note')} where size = 300`, /does not verify/],
    ['tiles', `update log.tiles set hashes = ${flip('hashes')}`, /tile 0 of level 0/],
    ['identities', 'delete from log.identities where entry_index = 7', /the identity of entry 7/],
    ['leaf_hashes', 'update log.leaf_hashes set entry_index = 9 where entry_index = 8', /leaf hash of entry 8/],
  ];
  for (const [table, sql, found] of damages) {
    const logs = await testLogs();
    try {
      const log = await logs.open();
      await Promise.all(Array.from({ length: 300 }, (_, i) => log.sequencer.append(text(`e${i}`))));
      await onClient(logs.database.connectionString, async (client) => {
        await client.query(`alter table log.${table} disable trigger user`);
        await client.query(sql);
      });
      const report = await fsck({ store: log.store, personality: textPersonality(), hasher, identityOf: sha256 });
      assert.ok(
        report.problems.some((problem) => found.test(problem)),
        `${sql}: ${report.problems.join('; ')}`,
      );
    } finally {
      await logs.drop();
    }
  }
});
