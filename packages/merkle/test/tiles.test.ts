import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  fullTileCount,
  MerkleError,
  partialTileWidth,
  TileNodes,
  tileOfNode,
  tilesForSize,
  tilesOfNodes,
  tileWidth,
} from '../src/index.ts';
import { buildGoldenTree, countingHasher, hasher } from './support/golden-tree.ts';

const { leafHashes, naive } = buildGoldenTree();
const rowOf = (begin: number, end: number): Uint8Array => Buffer.concat(leafHashes.slice(begin, end));
const code =
  (wanted: string) =>
  (error: unknown): boolean =>
    error instanceof MerkleError && error.code === wanted;

test('tile widths follow floor(s / 256^l) mod 256 for every safe size', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 63 }), (size, level) => {
      const tiles = BigInt(size) / 256n ** BigInt(level);
      assert.equal(partialTileWidth(level, size), Number(tiles % 256n));
      assert.equal(fullTileCount(level, size), Number(tiles / 256n));
    }),
    { numRuns: 2000 },
  );
});

test('a tree has the tiles its size says and no other', () => {
  assert.equal(tileWidth({ level: 0, index: 273 }, 70000), 112);
  assert.equal(tileWidth({ level: 0, index: 272 }, 70000), 256);
  assert.equal(tileWidth({ level: 0, index: 274 }, 70000), 0);
  assert.equal(tileWidth({ level: 2, index: 0 }, 70000), 1);
  assert.equal(tileWidth({ level: 2, index: 1 }, 70000), 0);
  assert.equal(tileWidth({ level: 3, index: 0 }, 70000), 0);
  assert.equal(tileWidth({ level: 63, index: 0 }, Number.MAX_SAFE_INTEGER), 0);
  assert.equal(tileWidth({ level: 0, index: 1 }, 256), 0);
  assert.equal(tileWidth({ level: 0, index: 0 }, 0), 0);
  assert.deepEqual(tilesForSize(0), []);
  assert.equal(tilesForSize(Number.MAX_SAFE_INTEGER).length, 7);
  assert.throws(() => tileWidth({ level: 64, index: 0 }, 1), code('bad_tile_coordinate'));
  assert.throws(() => tileWidth({ level: 0, index: -1 }, 1), code('bad_tile_coordinate'));
  assert.throws(() => tilesForSize(-1), code('size_out_of_range'));
  assert.throws(() => tilesForSize(1.5), code('size_out_of_range'));
});

test('a node and its sibling always lie in one tile, a tile root in the tile above', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 52 }), fc.maxSafeNat(), (level, seed) => {
      const index = Math.floor(seed / 2 ** (level + 1)) * 2;
      const [left, right] = [tileOfNode({ level, index }), tileOfNode({ level, index: index + 1 })];
      assert.deepEqual([left.level, left.index], [right.level, right.index]);
      assert.equal(right.indexInTile, left.indexInTile + 1);
      assert.ok(right.indexInTile < 2 ** (8 - right.levelInTile));
    }),
  );
  assert.deepEqual(tileOfNode({ level: 8, index: 300 }), { level: 1, index: 1, levelInTile: 0, indexInTile: 44 });
});

test('each tile that nodes need is named once, with the width of that size', () => {
  const nodes = [
    { level: 0, index: 0 },
    { level: 3, index: 2 },
    { level: 16, index: 1 },
  ];
  assert.deepEqual(tilesOfNodes(nodes, 70000), [
    { level: 0, index: 0, width: 256 },
    { level: 1, index: 1, width: 17 },
    { level: 0, index: 273, width: 112 },
  ]);
});

test('interior nodes of a tile are those of the tree, for every width', () => {
  for (let width = 1; width <= 256; width++) {
    const tile = TileNodes.from(hasher, rowOf(512, 512 + width));
    for (let level = 0; level <= 8; level++) {
      const count = width >> level;
      for (let i = 0; i < count; i += Math.max(1, count >> 3)) {
        assert.deepEqual(tile.node(level, i), new Uint8Array(naive.mth(512 + (i << level), 512 + ((i + 1) << level))));
      }
      assert.equal(tile.has(level, count), false);
      assert.throws(() => tile.node(level, count), code('index_out_of_range'));
    }
  }
});

test('coordinates no tile has are refused', () => {
  const tile = TileNodes.from(hasher, rowOf(0, 256));
  for (const [level, index] of [
    [9, 0],
    [-1, 0],
    [0, -1],
    [0, 256],
    [0, 0.5],
    [0.5, 0],
    [32, 0],
    [0, Number.NaN],
  ] as const) {
    assert.equal(tile.has(level, index), false);
    assert.throws(() => tile.node(level, index), code('index_out_of_range'));
  }
});

test('bytes that are no tile are refused', () => {
  for (const length of [0, 1, 31, 33, 8191, 8193, 8192 + 32]) {
    assert.throws(() => TileNodes.from(hasher, new Uint8Array(length)), code('bad_tile'), `${length}`);
  }
  const tile = TileNodes.from(hasher, rowOf(0, 255));
  assert.throws(() => tile.extended(new Uint8Array(31)), code('bad_tile'));
  assert.throws(() => tile.extended(new Uint8Array(64)), code('bad_tile'));
});

test('a hot tile hashes each interior node once, and a wider tile inherits what is known', () => {
  const counting = countingHasher();
  const tile = TileNodes.from(counting.hasher, rowOf(0, 200));
  for (let round = 0; round < 3; round++) for (let i = 0; i < 200; i++) if (i < 100) tile.node(1, i);
  assert.equal(counting.count(), 100);
  const full = tile.extended(rowOf(200, 256));
  full.node(8, 0);
  full.node(8, 0);
  assert.equal(counting.count(), 255);
  assert.deepEqual(full.node(8, 0), new Uint8Array(naive.root(256)));
});

test('a tile cannot be changed from outside: not by its source, its answers, nor a wider tile', () => {
  const source = new Uint8Array(rowOf(0, 3));
  const tile = TileNodes.from(hasher, source);
  const [bytes, parent] = [tile.bytes(), tile.node(1, 0)];
  const [keptBytes, keptParent] = [bytes.slice(), parent.slice()];
  const wider = tile.extended(rowOf(3, 4));
  for (const array of [source, bytes, parent, wider.bytes(), tile.node(0, 2)]) array.fill(0);
  wider.node(2, 0).fill(0);
  assert.deepEqual(tile.bytes(), keptBytes);
  assert.deepEqual(tile.node(1, 0), keptParent);
  assert.equal(tile.width, 3);
  assert.throws(() => tile.node(2, 0), code('index_out_of_range'));
  assert.deepEqual(wider.node(2, 0), new Uint8Array(naive.root(4)));
});

test('two wider tiles from one tile do not see each other: a dropped batch leaves no trace', () => {
  const tile = TileNodes.from(hasher, rowOf(0, 2));
  const dropped = tile.extended(rowOf(100, 102));
  dropped.node(2, 0);
  const kept = tile.extended(rowOf(2, 4));
  assert.deepEqual(kept.node(2, 0), new Uint8Array(naive.root(4)));
  assert.deepEqual(dropped.bytes(), new Uint8Array(Buffer.concat([rowOf(0, 2), rowOf(100, 102)])));
  assert.notDeepEqual(dropped.node(2, 0), kept.node(2, 0));
});
