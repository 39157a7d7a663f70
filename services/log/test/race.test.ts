import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyConsistency } from '@sigstead/merkle';
import pg from 'pg';
import { fsck } from '../src/core/fsck.ts';
import type { StoredHead } from '../src/core/ports.ts';
import { SESSION_LIMITS } from '../src/store/session.ts';
import { hasher, testLogs, type TestLogs, text, textPersonality } from './support/test-log.ts';

let logs: TestLogs;
before(async () => {
  logs = await testLogs();
});
after(() => logs.drop());

test('four engines on one database: no fork, no gap, one index for an entry whoever takes it', async () => {
  const engines = await Promise.all([1, 2, 3, 4].map(() => logs.open()));
  const heads = new Map<number, StoredHead>();
  const indexOf = new Map<string, number>();
  const added = new Set<number>();
  // Every entry is given to two of the four, so half of all submissions are duplicates across processes.
  const rounds = Array.from({ length: 12 }, (_, round) =>
    engines.map(async (engine, e) => {
      for (let n = 0; n < 10; n++) {
        const value = `r${round} n${n} p${(e + n) % 2}`;
        const receipt = await engine.sequencer.append(text(value));
        const known = indexOf.get(value) ?? receipt.index;
        assert.equal(receipt.index, known, `${value} has two indexes`);
        indexOf.set(value, known);
        if (receipt.kind !== 'added') continue;
        assert.ok(!added.has(receipt.index), `index ${receipt.index} was given twice`);
        added.add(receipt.index);
        const other = heads.get(receipt.head.size);
        // I4: one signed root, and one signature of it, for each size.
        if (other !== undefined) assert.deepEqual(Buffer.from(other.note), Buffer.from(receipt.head.note));
        heads.set(receipt.head.size, receipt.head);
      }
    }),
  );
  await Promise.all(rounds.flat());

  assert.equal(added.size, 240);
  assert.deepEqual(
    [...added].sort((a, b) => a - b),
    Array.from({ length: 240 }, (_, i) => i),
  );
  await engines[0]?.tree.catchUp();
  const { edge } = engines[0]!.tree.published;
  // I1: every head ever returned is a prefix of the last.
  for (const head of heads.values()) {
    const proof = await engines[0]!.tiles.consistencyProof(edge, head.size, edge.size);
    verifyConsistency({ hasher, size1: head.size, size2: edge.size, root1: head.root, root2: edge.root(), proof });
  }
  // I2: every acknowledged entry is at its index, byte for byte.
  const records = await engines[0]!.store.records({ begin: 0, end: 240 });
  for (const [value, index] of indexOf) assert.equal(Buffer.from(records[index]!.leaf).toString(), value);
  const report = await fsck({ store: await logs.store(), personality: textPersonality(), hasher });
  assert.deepEqual([report.size, report.problems], [240, []]);
});

test('fifty identical submissions on two engines at once make one leaf', async () => {
  const engines = await Promise.all([logs.open(), logs.open()]);
  const before = (await engines[0].store.settle({ afterSize: 0 })).head.size;
  const receipts = await Promise.all(
    Array.from({ length: 50 }, (_, i) => engines[i % 2]!.sequencer.append(text('the same thing'))),
  );
  assert.deepEqual([...new Set(receipts.map((r) => r.index))], [before]);
  assert.equal(receipts.filter((r) => r.kind === 'added').length, 1);
  assert.equal((await engines[0].store.settle({ afterSize: 0 })).head.size, before + 1);
});

test('a process far behind catches up outside the lock and goes on', async () => {
  const [slow, fast] = [await logs.open(), await logs.open()];
  for (let i = 0; i < 20; i++) await fast.sequencer.append(text(`ahead ${i}`));
  const receipt = await slow.sequencer.append(text('late comer'));
  assert.equal(receipt.index, fast.tree.published.head.size);
});

test('a paused process that holds the lock does not block the log: the server ends its session', async () => {
  const limits = { ...SESSION_LIMITS, idleInTransactionMs: 300 };
  const [paused, alive] = [await logs.open({ sessionLimits: limits }), await logs.open()];
  const stuck = await paused.store.begin();
  const receipt = await alive.sequencer.append(text('while another sleeps'));
  assert.equal(receipt.kind, 'added');
  // When it wakes up, its transaction is gone: it cannot commit anything.
  await assert.rejects(stuck.look({ identities: [], fromSize: 0 }), { name: 'StoreError', code: 'lost' });
  assert.equal((await paused.sequencer.append(text('awake again'))).kind, 'added');
});

test('a writer without the lock loses: the head’s place is a constraint, and so is its predecessor', async () => {
  const log = await logs.open();
  const { head, edge } = log.tree.published;
  await log.sequencer.append(text('rightful successor'));
  const client = new pg.Client({ connectionString: logs.database.connectionString });
  await client.connect();
  const forge = (previous: number, size: number): Promise<unknown> =>
    client.query(
      'insert into log.heads (log_id, previous_size, size, root, created_ms) select log_id, $1, $2, $3, 1 from log.logs',
      [previous, size, Buffer.alloc(32)],
    );
  await assert.rejects(forge(head.size, head.size + 7), { constraint: 'heads_pkey' });
  await assert.rejects(forge(edge.size + 5, edge.size + 9), /follows no head/);
  for (const table of ['logs', 'heads', 'notes', 'batches', 'tiles', 'identities', 'leaf_hashes']) {
    await assert.rejects(client.query(`delete from log.${table}`), /append-only/);
    await assert.rejects(
      client.query(`update log.${table} set ${table === 'logs' ? 'name = name' : 'log_id = log_id'}`),
      /append-only/,
    );
    await assert.rejects(client.query(`truncate log.${table} cascade`), /append-only/);
  }
  await client.end();
});

test('a head written into the database without our signature is not built upon: the log stops', async (t) => {
  const own = await testLogs();
  t.after(() => own.drop());
  const log = await own.open();
  await log.sequencer.append(text('honest'));
  const forged = hasher.leaf(Buffer.from('never submitted'));
  const { head } = log.tree.published;
  const client = new pg.Client({ connectionString: own.database.connectionString });
  await client.connect();
  await client.query('begin');
  await client.query(
    'insert into log.heads (log_id, previous_size, size, root, created_ms) select log_id, 1, 2, $1, 1 from log.logs',
    [log.tree.published.edge.append([forged]).edge.root()],
  );
  await client.query(
    'insert into log.notes (log_id, size, ordinal, created_ms, note) select log_id, 2, 0, 1, $1 from log.logs',
    [head.note],
  );
  await client.query(
    `insert into log.batches (log_id, first_index, entry_count, leaf_hashes, records)
     select log_id, 1, 1, $1, ''::bytea from log.logs`,
    [forged],
  );
  await client.query('commit');
  await assert.rejects(log.sequencer.append(text('on top of it')), { code: 'halted' });
  assert.match(String(log.tree.haltedBy?.detail), /the note stored for size 2 root .* says another head/);
  const { rows } = await client.query('select max(size)::int as size from log.heads');
  assert.deepEqual(rows, [{ size: 2 }]);
  await client.end();
});
