import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  consistencyNodes,
  consistencyProof,
  inclusionNodes,
  inclusionProof,
  MerkleError,
  type MerkleErrorCode,
  nodeFromTiles,
  perfectParts,
  TileNodes,
  treeNodes,
  tilesForConsistency,
  tilesForInclusion,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts';
import { buildGoldenTree, countingHasher, GOLDEN_LEAVES, hasher } from './support/golden-tree.ts';

const tree = buildGoldenTree();
const ALL_SIZES = 600;

function throwsCode(run: () => unknown, ...codes: MerkleErrorCode[]): void {
  assert.throws(run, (error) => error instanceof MerkleError && codes.includes(error.code));
}

function leafHash(index: number): Uint8Array {
  return tree.leafHashes[index] as Uint8Array;
}

/** Compares as one string each: deepEqual on arrays of arrays is too slow for a third of a million proofs. */
function sameHashes(actual: readonly Uint8Array[], wanted: readonly Uint8Array[], what: string): void {
  assert.equal(actual.length, wanted.length, what);
  assert.ok(Buffer.concat(actual).equals(Buffer.concat(wanted)), what);
}

test('tile check 4: every inclusion proof of every size to 600, read from tiles, is the naive one and verifies', () => {
  for (let size = 1; size <= ALL_SIZES; size++) {
    const getNode = tree.nodes(size);
    const root = tree.naive.root(size);
    for (let index = 0; index < size; index++) {
      const proof = inclusionProof(size, index, getNode);
      sameHashes(proof, tree.naive.inclusion(size, index), `${index} of ${size}`);
      verifyInclusion({ hasher, index, size, leafHash: leafHash(index), proof, root });
    }
  }
});

test('tile check 5: every consistency proof of every pair to 600, read from tiles, is the naive one and verifies', () => {
  for (let size2 = 1; size2 <= ALL_SIZES; size2++) {
    const getNode = tree.nodes(size2);
    const root2 = tree.naive.root(size2);
    for (let size1 = 1; size1 <= size2; size1++) {
      const proof = consistencyProof(size1, size2, getNode);
      sameHashes(proof, tree.naive.consistency(size1, size2), `${size1}→${size2}`);
      verifyConsistency({ hasher, size1, size2, root1: tree.naive.root(size1), root2, proof });
    }
  }
});

const anyLeaf = fc
  .integer({ min: 1, max: GOLDEN_LEAVES })
  .chain((size) => fc.record({ size: fc.constant(size), index: fc.integer({ min: 0, max: size - 1 }) }));
const anyPair = fc
  .integer({ min: 1, max: GOLDEN_LEAVES })
  .chain((size2) => fc.record({ size2: fc.constant(size2), size1: fc.integer({ min: 1, max: size2 }) }));

test('random inclusion proofs to 70000 are the naive ones and verify, from no more tiles than were named', () => {
  fc.assert(
    fc.property(anyLeaf, ({ size, index }) => {
      const named = new Map(tilesForInclusion(size, index).map((tile) => [`${tile.level}/${tile.index}`, tile.width]));
      const getNode = nodeFromTiles({
        hasher,
        size,
        getTile(level, at, width) {
          // The log keeps the tile of size 70000; what this size served is a prefix of it.
          if (named.get(`${level}/${at}`) !== width) return undefined;
          const bytes = tree.getTile(level, at, width)?.bytes() as Uint8Array;
          return TileNodes.from(hasher, bytes.subarray(0, width * 32));
        },
      });
      const proof = inclusionProof(size, index, getNode);
      sameHashes(proof, tree.naive.inclusion(size, index), `${index} of ${size}`);
      verifyInclusion({ hasher, index, size, leafHash: leafHash(index), proof, root: tree.naive.root(size) });
    }),
    { numRuns: 300 },
  );
});

test('random consistency proofs to 70000 are the naive ones and verify, from no more tiles than were named', () => {
  fc.assert(
    fc.property(anyPair, ({ size1, size2 }) => {
      const named = new Set(tilesForConsistency(size1, size2).map((tile) => `${tile.level}/${tile.index}`));
      const getNode = nodeFromTiles({
        hasher,
        size: size2,
        getTile: (level, at, width) => (named.has(`${level}/${at}`) ? tree.getTile(level, at, width) : undefined),
      });
      const proof = consistencyProof(size1, size2, getNode);
      sameHashes(proof, tree.naive.consistency(size1, size2), `${size1}→${size2}`);
      const [root1, root2] = [tree.naive.root(size1), tree.naive.root(size2)];
      verifyConsistency({ hasher, size1, size2, root1, root2, proof });
    }),
    { numRuns: 300 },
  );
});

test('nothing needs to be proven between equal sizes or from size 0', () => {
  const [empty, root] = [hasher.empty(), tree.naive.root(7)];
  for (const size of [0, 1, 7, 600]) {
    assert.deepEqual(consistencyNodes(size, size), []);
    assert.deepEqual(consistencyNodes(0, size), []);
  }
  verifyConsistency({ hasher, size1: 7, size2: 7, root1: root, root2: root, proof: [] });
  verifyConsistency({ hasher, size1: 0, size2: 7, root1: empty, root2: root, proof: [] });
  verifyConsistency({ hasher, size1: 0, size2: 0, root1: empty, root2: empty, proof: [] });
});

test('tile check 6: a proof beyond the tree is refused, never made wrong', () => {
  const getNode = tree.nodes(600);
  throwsCode(() => inclusionProof(600, 600, getNode), 'index_out_of_range');
  throwsCode(() => inclusionProof(0, 0, getNode), 'index_out_of_range');
  throwsCode(() => inclusionProof(600, -1, getNode), 'index_out_of_range');
  throwsCode(() => inclusionProof(600, 1.5, getNode), 'index_out_of_range');
  throwsCode(() => inclusionProof(-1, 0, getNode), 'size_out_of_range');
  throwsCode(() => inclusionProof(2 ** 53, 0, getNode), 'size_out_of_range');
  throwsCode(() => inclusionProof(Number.NaN, 0, getNode), 'size_out_of_range');
  throwsCode(() => consistencyProof(601, 600, getNode), 'sizes_reversed');
  throwsCode(() => consistencyProof(-1, 600, getNode), 'size_out_of_range');
  // The lookup was made for size 600: it must not answer for a larger tree.
  throwsCode(() => inclusionProof(1100, 0, getNode), 'index_out_of_range');
  throwsCode(() => consistencyProof(300, 1100, getNode), 'index_out_of_range');
});

test('nodes outside the tree, missing tiles and narrow tiles are refused by name', () => {
  const getNode = tree.nodes(300);
  for (const [level, index] of [
    [0, 300],
    [0, -1],
    [0, 0.5],
    [9, 1],
    [54, 0],
    [-1, 0],
    [0.5, 0],
  ] as const) {
    throwsCode(() => getNode(level, index), 'index_out_of_range');
  }
  throwsCode(() => nodeFromTiles({ hasher, size: 0, getTile: tree.getTile })(0, 0), 'index_out_of_range');
  throwsCode(() => nodeFromTiles({ hasher, size: 300, getTile: () => undefined })(0, 0), 'node_missing');
  const narrow = TileNodes.from(hasher, new Uint8Array(43 * 32));
  throwsCode(() => nodeFromTiles({ hasher, size: 300, getTile: () => narrow })(0, 299), 'bad_tile');
  throwsCode(() => treeNodes({ hasher, size: 3, perfectNode: () => undefined })(0, 0), 'node_missing');
  throwsCode(() => treeNodes({ hasher, size: 3, perfectNode: () => new Uint8Array(31) })(0, 0), 'bad_hash_length');
  throwsCode(() => inclusionProof(3, 0, () => new Uint8Array(33)), 'bad_hash_length');
});

test('a hundred proofs of a hot tile hash only once what they share', () => {
  // A size with ragged nodes on most levels.
  const size = 69_999;
  const counting = countingHasher();
  const tiles = new Map<string, TileNodes>();
  const getNode = nodeFromTiles({
    hasher: counting.hasher,
    size,
    getTile(level, index, width) {
      const key = `${level}/${index}`;
      const bytes = (): Uint8Array => (tree.getTile(level, index, width) as TileNodes).bytes();
      const tile = tiles.get(key) ?? TileNodes.from(counting.hasher, bytes());
      tiles.set(key, tile);
      return tile;
    },
  });
  for (let index = 1024; index < 1280; index++) inclusionProof(size, index, getNode);
  const once = counting.count();
  // Interior nodes of the tiles on the way and on the right edge, and a ragged node for each of 17 levels.
  assert.ok(once <= 5 * 255 + 17, `${once} hashes`);
  for (let index = 1024; index < 1280; index++) inclusionProof(size, index, getNode);
  assert.equal(counting.count(), once);
});

test('sizes and indexes above 2^32 keep all their bits', () => {
  assert.deepEqual(inclusionNodes(2 ** 40 + 1, 2 ** 40), [{ level: 40, index: 0 }]);
  // The sibling of the old root is the ragged node of one leaf, named where the path meets it.
  assert.deepEqual(consistencyNodes(2 ** 40, 2 ** 40 + 1), [{ level: 40, index: 1 }]);
  assert.deepEqual(perfectParts({ level: 40, index: 1 }, 2 ** 40 + 1), [{ level: 0, index: 2 ** 40 }]);
  assert.deepEqual(inclusionNodes(2 ** 53 - 1, 2 ** 53 - 2).length, 52);
  assert.equal(inclusionNodes(2 ** 53 - 1, 0).length, 53);
  assert.deepEqual(inclusionNodes(2 ** 53 - 1, 0).at(-1), { level: 52, index: 1 });
  assert.deepEqual(inclusionNodes(2 ** 34, 2 ** 33 + 5)[0], { level: 0, index: 2 ** 33 + 4 });
});

test('proofs in a tree of nearly 2^53 leaves verify', () => {
  // Every perfect node of level l has the same stand-in hash, so that such a tree exists without its leaves.
  const levels: Uint8Array[] = [hasher.leaf(Buffer.from('same'))];
  for (let level = 1; level <= 53; level++) {
    const below = levels[level - 1] as Uint8Array;
    levels.push(hasher.node(below, below));
  }
  const view = (size: number): ReturnType<typeof treeNodes> =>
    treeNodes({ hasher, size, perfectNode: (level) => levels[level] });
  const rootOf = (size: number): Uint8Array => view(size)(rootLevelOf(size), 0);
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat(), (a, b, c) => {
      const size2 = Math.max(a, b) + (Math.max(a, b) === 0 ? 1 : 0);
      const size1 = Math.min(a, b);
      const index = c % size2;
      const proof = inclusionProof(size2, index, view(size2));
      verifyInclusion({ hasher, index, size: size2, leafHash: levels[0] as Uint8Array, proof, root: rootOf(size2) });
      const root1 = size1 === 0 ? hasher.empty() : rootOf(size1);
      const consistency = consistencyProof(size1, size2, view(size2));
      verifyConsistency({ hasher, size1, size2, root1, root2: rootOf(size2), proof: consistency });
    }),
    { numRuns: 300 },
  );
});

function rootLevelOf(size: number): number {
  return size === 1 ? 0 : (size - 1).toString(2).length;
}
