import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CompactRange,
  consistencyProof,
  inclusionProof,
  MerkleError,
  partialTileWidth,
  type PlacedTile,
  TreeEdge,
  tilesForSize,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts';
import {
  buildGoldenTree,
  countingHasher,
  GOLDEN_LEAVES,
  hasher,
  seededIntegers,
  servedTile,
  sha256,
} from './support/golden-tree.ts';
import { NaiveTree } from './support/naive.ts';

const tree = buildGoldenTree();
const { leafHashes, naive } = tree;
const code =
  (wanted: string) =>
  (error: unknown): boolean =>
    error instanceof MerkleError && error.code === wanted;

function edgeAt(size: number): TreeEdge {
  return TreeEdge.empty(hasher).append(leafHashes.slice(0, size)).edge;
}

const growth = fc.record({
  from: fc.oneof(fc.nat(2000), fc.constantFrom(0, 255, 256, 257, 511, 65279, 65280, 65535, 65536, 69000)),
  batches: fc.array(fc.oneof(fc.nat(3), fc.nat(300), fc.constantFrom(255, 256, 257)), { minLength: 1, maxLength: 4 }),
});

test('however a tree grows, each batch gives the root, full tiles, partial tiles and proofs of the model', () => {
  fc.assert(
    fc.property(growth, ({ from, batches }) => {
      let edge = edgeAt(from);
      for (const batch of batches) {
        if (edge.size + batch > GOLDEN_LEAVES) break;
        checkGrowth(edge, batch);
        edge = edge.append(leafHashes.slice(edge.size, edge.size + batch)).edge;
      }
    }),
    { numRuns: 40 },
  );
});

function checkGrowth(before: TreeEdge, batch: number): void {
  const size = before.size + batch;
  const grown = before.append(leafHashes.slice(before.size, size));
  const root = naive.root(size);
  assert.equal(grown.edge.size, size);
  assert.deepEqual(new Uint8Array(grown.edge.root()), new Uint8Array(root));
  checkTiles(before.size, grown.edge, grown.fullTiles);
  for (let index = before.size; index < size; index += Math.max(1, Math.floor(batch / 20))) {
    const proof = inclusionProof(size, index, grown.getNode);
    verifyInclusion({ hasher, index, size, leafHash: leafHashes[index] as Uint8Array, proof, root });
  }
  const proof = consistencyProof(before.size, size, grown.getNode);
  verifyConsistency({ hasher, size1: before.size, size2: size, root1: before.root(), root2: root, proof });
}

function checkTiles(sizeBefore: number, edge: TreeEdge, fullTiles: readonly PlacedTile[]): void {
  const becameFull = tilesForSize(edge.size).flatMap(({ level, fullTiles: count }) => {
    const first = Math.floor(sizeBefore / 256 ** (level + 1));
    return Array.from({ length: count - first }, (_, i) => `${level}/${first + i}`);
  });
  assert.deepEqual(
    fullTiles.map((tile) => `${tile.level}/${tile.index}`),
    becameFull,
  );
  for (const tile of [...fullTiles, ...edge.partialTiles()]) {
    const served = servedTile(tree, edge.size, tile.level, tile.index);
    assert.equal(tile.width, tile.nodes.width);
    assert.ok(served && Buffer.compare(tile.nodes.bytes(), served) === 0, `${tile.level}/${tile.index}`);
  }
  const widths = tilesForSize(edge.size).map(({ partialWidth }) => partialWidth);
  assert.deepEqual(
    edge.partialBytes().map((bytes) => bytes.length / 32),
    widths,
  );
}

test('an edge is unchanged by a batch that is dropped', () => {
  const edge = edgeAt(1000);
  const [root, bytes] = [edge.root(), edge.partialBytes()];
  edge.append(Array.from({ length: 3000 }, () => sha256(Buffer.from('never committed'))));
  assert.deepEqual(edge.root(), root);
  assert.deepEqual(edge.partialBytes(), bytes);
  checkGrowth(edge, 700);
});

test('an empty batch changes nothing and fills no tile', () => {
  for (const size of [0, 1, 256, 1000]) {
    const grown = edgeAt(size).append([]);
    assert.equal(grown.edge.size, size);
    assert.deepEqual(grown.fullTiles, []);
    assert.deepEqual(new Uint8Array(grown.edge.root()), new Uint8Array(naive.root(size)));
  }
});

test('an edge gives the compact range of its tree', () => {
  for (const size of [0, 1, 255, 256, 257, 65537, 70000]) {
    const range = CompactRange.from(hasher, { end: size, hashes: edgeAt(size).compactHashes() });
    assert.deepEqual(new Uint8Array(range.root()), new Uint8Array(naive.root(size)));
  }
});

test('a stored edge is restored only under its own root', () => {
  const edge = edgeAt(65537 + 300);
  const [size, partials, root] = [edge.size, edge.partialBytes(), edge.root()];
  const restored = TreeEdge.restore({ hasher, size, partials, root });
  checkGrowth(restored, 600);
  const restore = (change: object): TreeEdge => TreeEdge.restore({ hasher, size, partials, root, ...change });
  assert.throws(() => restore({ root: naive.root(size - 1) }), code('root_mismatch'));
  assert.throws(() => restore({ root: root.subarray(0, 31) }), code('root_mismatch'));
  assert.throws(() => restore({ size: size + 1 }), code('bad_tile'));
  assert.throws(() => restore({ size: size - 300 }), code('bad_tile'));
  assert.throws(() => restore({ size: 2 ** 53 }), code('size_out_of_range'));
  assert.throws(() => restore({ partials: partials.slice(0, -1) }), code('bad_tile'));
  assert.throws(() => restore({ partials: [...partials, new Uint8Array(0)] }), code('bad_tile'));
  assert.throws(() => restore({ partials: [] }), code('bad_tile'));
  partials.forEach((bytes, level) => {
    for (let at = 0; at < bytes.length; at += 37) {
      const flipped = partials.map((row) => new Uint8Array(row));
      (flipped[level] as Uint8Array)[at]! ^= 1;
      assert.throws(() => restore({ partials: flipped }), code('root_mismatch'), `level ${level}, byte ${at}`);
    }
  });
});

test('what is no leaf hash, or one leaf too many, is refused', () => {
  assert.throws(() => TreeEdge.empty(hasher).append([new Uint8Array(31)]), code('bad_hash_length'));
  assert.throws(() => TreeEdge.empty(hasher).append([new Uint8Array(64)]), code('bad_hash_length'));
  const last = hugeEdge(Number.MAX_SAFE_INTEGER, hasher);
  assert.throws(() => last.append([new Uint8Array(32)]), code('size_out_of_range'));
});

/** The edge of a tree whose older leaves nobody has: any hashes will do for its partial tiles. */
function hugeEdge(size: number, withHasher: typeof hasher): TreeEdge {
  const partials = tilesForSize(size).map(({ level }) => {
    const row = Array.from({ length: partialTileWidth(level, size) }, (_, i) => sha256(Buffer.from(`${level}/${i}`)));
    return new Uint8Array(Buffer.concat(row));
  });
  const root = naiveRootOfEdge(size, partials);
  return TreeEdge.restore({ hasher: withHasher, size, partials, root });
}

/** Folds the binary digits of the size, lowest first, over perfect subtrees taken from each row by the naive model. */
function naiveRootOfEdge(size: number, partials: readonly Uint8Array[]): Uint8Array {
  let root: Uint8Array | undefined;
  partials.forEach((bytes) => {
    const row = new NaiveTree(Array.from({ length: bytes.length / 32 }, (_, i) => bytes.slice(i * 32, i * 32 + 32)));
    let end = bytes.length / 32;
    for (let width = 1; width <= 128; width *= 2) {
      if (Math.floor(end / width) % 2 === 0) continue;
      const subtree = row.mth(end - width, end);
      root = root === undefined ? subtree : hasher.node(subtree, root);
      end -= width;
    }
  });
  assert.ok(size > 0 && root);
  return root;
}

test('an edge near 2^53 grows like a compact range', () => {
  const below = seededIntegers(9162);
  for (const size of [2 ** 32 - 5, 2 ** 32, 2 ** 40 + 255, 2 ** 48 - 300, 2 ** 53 - 70000]) {
    const edge = hugeEdge(size, hasher);
    const range = CompactRange.from(hasher, { end: size, hashes: edge.compactHashes() });
    const batch = leafHashes.slice(0, 400 + below(400));
    const grown = edge.append(batch);
    for (const hash of batch) range.append(hash);
    assert.deepEqual(new Uint8Array(grown.edge.root()), new Uint8Array(range.root()), `size ${size}`);
    const [size2, root] = [size + batch.length, range.root()];
    for (let i = 0; i < batch.length; i += 50) {
      const proof = inclusionProof(size2, size + i, grown.getNode);
      verifyInclusion({ hasher, index: size + i, size: size2, leafHash: batch[i] as Uint8Array, proof, root });
    }
    const proof = consistencyProof(size, size2, grown.getNode);
    verifyConsistency({ hasher, size1: size, size2, root1: edge.root(), root2: root, proof });
  }
});

test('the cost of a batch depends on the batch, not on the size of the tree', () => {
  for (const size of [0, 300, 70_000, 2 ** 32 + 300, 2 ** 52 + 12345]) {
    const counting = countingHasher();
    const edge = size === 0 ? TreeEdge.empty(counting.hasher) : hugeEdge(size, counting.hasher);
    const before = counting.count();
    const grown = edge.append(leafHashes.slice(0, 512));
    grown.edge.root();
    for (let i = 0; i < 512; i++) inclusionProof(size + 512, size + i, grown.getNode);
    // At most: one per leaf and its parents, what the old partial tiles had not hashed yet, one per level for the root.
    const cost = counting.count() - before;
    assert.ok(cost <= 2 * 512 + 7 * 255 + 53, `${cost} hashes at size ${size}`);
    const next = counting.count();
    const again = grown.edge.append(leafHashes.slice(512, 612));
    again.edge.root();
    assert.ok(counting.count() - next <= 100 + 8 + 53, `${counting.count() - next} hashes for 100 leaves at ${size}`);
  }
});
