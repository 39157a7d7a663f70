import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TreeEdge } from '@sigstead/merkle';
import { EntrySource } from '../src/read/entry-source.ts';
import { TileSource } from '../src/read/tile-source.ts';
import { hasher } from './support/test-log.ts';

test('a kept entry keeps nothing else alive: what the budget counts is what memory holds', async () => {
  const nothing = (): Promise<never> => Promise.reject(new Error('nothing is to be read'));
  const store = { records: nothing, tiles: nothing };
  const tiles = new TileSource({ hasher, store, budgetBytes: 2 ** 20 });
  const source = new EntrySource({ hasher, store, tiles, budgetBytes: 2 ** 20 });
  const pool = Buffer.alloc(8192, 7);
  const shared = [0, 1, 2].map((n) => ({
    leaf: pool.subarray(n * 100, n * 100 + 40),
    extra: pool.subarray(4000, 4060),
  }));
  const { edge } = TreeEdge.empty(hasher).append(shared.map(({ leaf }) => hasher.leaf(leaf)));
  source.offer(0, shared);
  const kept = await source.bundle(edge, 0, 3);
  assert.deepEqual(
    kept.map(({ leaf, extra }) => [Buffer.from(leaf), Buffer.from(extra)]),
    shared.map(({ leaf, extra }) => [leaf, extra]),
  );
  const memory = new Set(kept.flatMap(({ leaf, extra }) => [leaf.buffer, extra.buffer]));
  const held = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert.equal(held, 3 * (40 + 60));
});
