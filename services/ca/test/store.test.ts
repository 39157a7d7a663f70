import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { migrate, type Pool, type PoolClient } from '@sigstead/platform';
import { testDatabase, type TestDatabase } from '@sigstead/test';
import type { IssuanceRecord } from '../src/core/ports.ts';
import { PgIssuanceStore } from '../src/store/issuance-store.ts';
import { MIGRATIONS, SCHEMA } from '../src/store/migrations.ts';

let database: TestDatabase;
let pool: Pool;
before(async () => {
  database = await testDatabase();
  pool = database.pool();
  await migrate({ pool, schema: SCHEMA, migrations: MIGRATIONS });
});
after(() => database.drop());

const record = (changes: Partial<IssuanceRecord> = {}): IssuanceRecord => ({
  kind: 'precertificate',
  serial: randomBytes(20),
  tbs: randomBytes(900),
  issuerKeySha256: randomBytes(32),
  tokenSha256: randomBytes(32),
  ...changes,
});

/** The pool, with its statements counted; each can be made to fail. */
function counted(): { pool: Pool; statements: () => number; failNext: () => void } {
  let count = 0;
  let fails = false;
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect();
    const query = (...args: unknown[]): unknown => {
      count += 1;
      if (!fails) return (client.query as (...given: unknown[]) => unknown).apply(client, args);
      fails = false;
      return Promise.reject(new Error('connection lost'));
    };
    return new Proxy(client, {
      get: (target, name) => {
        if (name === 'query') return query;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  };
  const proxy = { connect } as unknown as Pool;
  return { pool: proxy, statements: () => count, failNext: () => void (fails = true) };
}

async function rowsOf(serials: readonly Uint8Array[]): Promise<number> {
  const values = [serials.map((serial) => Buffer.from(serial))];
  const { rows } = await pool.query<{ n: bigint }>(
    'SELECT count(*) AS n FROM ca.issuance WHERE serial = ANY($1)',
    values,
  );
  return Number(rows[0]?.n);
}

test('records that arrive together are written together, and each is there when its caller goes on', async () => {
  const at = counted();
  const store = new PgIssuanceStore(at.pool);
  const records = Array.from({ length: 600 }, () => record());
  await Promise.all(
    records.map(async (each, i) => {
      await store.append(each);
      if (i % 100 === 0) assert.equal(await rowsOf([each.serial]), 1);
    }),
  );
  assert.equal(await rowsOf(records.map(({ serial }) => serial)), 600);
  assert.ok(at.statements() <= 6, `${at.statements()} statements`);
});

test('a lone record waits for nobody', async () => {
  const at = counted();
  await new PgIssuanceStore(at.pool).append(record());
  assert.equal(at.statements(), 1);
});

test('a statement that fails fails everybody in it, and nobody after it', async () => {
  const at = counted();
  const store = new PgIssuanceStore(at.pool);
  at.failNext();
  const first = store.append(record());
  const later = Array.from({ length: 5 }, () => store.append(record()));
  await assert.rejects(first, /the answer to COMMIT was lost/);
  await Promise.all(later);
  assert.equal(at.statements(), 2);
});

test('the same serial is never recorded twice for one kind and key', async () => {
  const store = new PgIssuanceStore(pool);
  const one = record();
  await store.append(one);
  await store.append({ ...one, kind: 'certificate' });
  await assert.rejects(store.append({ ...one, tbs: randomBytes(10) }), /duplicate key/);
});

test('what is no record is refused by the table itself', async () => {
  const store = new PgIssuanceStore(pool);
  for (const changes of [
    { serial: randomBytes(21) },
    { serial: Buffer.alloc(0) },
    { tbs: Buffer.alloc(0) },
    { tokenSha256: Buffer.alloc(31) },
  ]) {
    await assert.rejects(store.append(record(changes)), /violates check constraint/);
  }
});

test('a database that does not keep up is not buried: the queue has an end', async () => {
  let release = (): void => undefined;
  const stuck = {
    query: () => new Promise((resolve) => (release = () => resolve({ rowCount: 1 }))),
  } as unknown as Pool;
  const store = new PgIssuanceStore(stuck);
  const waiting = Array.from({ length: 4097 }, () => store.append(record()));
  await assert.rejects(store.append(record()), /too many records/);
  assert.equal(waiting.length, 4097);
  for (const each of waiting) each.catch(() => undefined);
  release();
});
