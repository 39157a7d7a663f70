import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntrySource } from '../src/read/entry-source.ts';

test('a kept entry keeps nothing else alive: what the budget counts is what memory holds', async () => {
  const store = { records: () => Promise.reject(new Error('nothing is to be read')) };
  const source = new EntrySource({ store, budgetBytes: 2 ** 20 });
  const pool = Buffer.alloc(8192, 7);
  const shared = [0, 1, 2].map((n) => ({
    leaf: pool.subarray(n * 100, n * 100 + 40),
    extra: pool.subarray(4000, 4060),
  }));
  source.offer(0, shared);
  const kept = await source.bundle(0, 3);
  assert.deepEqual(
    kept.map(({ leaf, extra }) => [Buffer.from(leaf), Buffer.from(extra)]),
    shared.map(({ leaf, extra }) => [leaf, extra]),
  );
  for (const { leaf, extra } of kept) {
    assert.equal(leaf.buffer.byteLength, leaf.length);
    assert.equal(extra.buffer.byteLength, extra.length);
  }
});
