import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TreeEdge } from '@sigstead/merkle';
import pg from 'pg';
import { packRecords, unpackRecords } from '../src/core/records.ts';
import { checkNotBehind, replay } from '../src/core/state.ts';
import { nextHeadTime } from '../src/core/time.ts';
import { WeightedLru } from '../src/core/lru.ts';
import { hasher, testLogs, text } from './support/test-log.ts';

const leaves = (texts: string[]): Uint8Array[] => texts.map((each) => hasher.leaf(Buffer.from(each)));

test('what others appended is taken over only if it leads to their head from ours', () => {
  const edge = TreeEdge.empty(hasher).append(leaves(['a', 'b', 'c'])).edge;
  const grown = edge.append(leaves(['d', 'e'])).edge;
  const head = { size: 5, root: grown.root() };
  assert.equal(replay(edge, leaves(['d', 'e']), head).size, 5);
  for (const appended of [['d'], ['d', 'x'], ['e', 'd'], ['d', 'e', 'f'], []]) {
    assert.throws(() => replay(edge, leaves(appended), head), { code: 'halted' });
  }
  const fork = TreeEdge.empty(hasher).append(leaves(['a', 'b', 'X', 'd', 'e'])).edge;
  assert.throws(() => replay(edge, leaves(['d', 'e']), { size: 5, root: fork.root() }), { code: 'halted' });
  assert.throws(() => checkNotBehind({ size: 3, root: edge.root() }, { size: 2, root: edge.root() }), {
    code: 'halted',
  });
  assert.throws(() => checkNotBehind({ size: 3, root: edge.root() }, { size: 3, root: fork.root() }), {
    code: 'halted',
  });
});

test('time of heads never goes back; strict kinds borrow at most one second from the future', () => {
  assert.equal(nextHeadTime({ nowMs: 50, lastMs: 40, strict: true }), 50);
  assert.equal(nextHeadTime({ nowMs: 40, lastMs: 40, strict: true }), 41);
  assert.equal(nextHeadTime({ nowMs: 0, lastMs: 1000, strict: true }), 1001);
  assert.throws(() => nextHeadTime({ nowMs: 0, lastMs: 1001, strict: true }), { code: 'unavailable' });
  assert.equal(nextHeadTime({ nowMs: 0, lastMs: 9999, strict: false }), 9999);
});

test('records survive packing; a blob that does not hold exactly what is said is refused', () => {
  const record = fc.record({ leaf: fc.uint8Array({ maxLength: 40 }), extra: fc.uint8Array({ maxLength: 40 }) });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 8 }), (records) => {
      const blob = packRecords(records);
      const unpacked = unpackRecords(blob, records.length);
      records.forEach((each, i) => {
        assert.deepEqual(Buffer.from(unpacked[i]!.leaf), Buffer.from(each.leaf));
        assert.deepEqual(Buffer.from(unpacked[i]!.extra), Buffer.from(each.extra));
      });
      assert.throws(() => unpackRecords(blob, records.length + 1), { code: 'internal' });
      assert.throws(() => unpackRecords(Buffer.concat([blob, Buffer.of(0)]), records.length), { code: 'internal' });
    }),
  );
});

test('the cache stays within its budget and drops what was not used the longest', () => {
  const cache = new WeightedLru<string>({ budgetBytes: 10, weigh: (value) => value.length });
  cache.set('a', 'xxxx');
  cache.set('b', 'xxxx');
  assert.equal(cache.get('a'), 'xxxx');
  cache.set('c', 'xxxx');
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], ['xxxx', undefined, 'xxxx']);
  cache.set('huge', 'x'.repeat(11));
  assert.equal(cache.get('huge'), undefined);
});

test('a database that is set back under a running process: it goes read-only for good, and shows what it showed', async (t) => {
  const logs = await testLogs();
  t.after(() => logs.drop());
  const log = await logs.open();
  await log.sequencer.append(text('one'));
  await log.sequencer.append(text('two'));
  const client = new pg.Client({ connectionString: logs.database.connectionString });
  await client.connect();
  for (const table of ['identities', 'leaf_hashes', 'batches', 'notes', 'heads']) {
    await client.query(`alter table log.${table} disable trigger user`);
  }
  await client.query('delete from log.identities where entry_index = 1');
  await client.query('delete from log.leaf_hashes where entry_index = 1');
  await client.query('delete from log.batches where first_index = 1');
  await client.query('delete from log.notes where size = 2');
  await client.query('delete from log.heads where size = 2');
  await client.end();
  await assert.rejects(log.sequencer.append(text('three')), { code: 'halted' });
  assert.match(String(log.tree.haltedBy?.detail), /size 1 root [0-9a-f]{64}\) is below the head .*size 2 root/);
  await assert.rejects(log.sequencer.append(text('four')), { code: 'halted' });
  await assert.rejects(log.tree.catchUp(), { code: 'halted' });
  assert.equal(log.tree.published.head.size, 2);
});
