import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CompactRange,
  consistencyProof,
  inclusionProof,
  parseTilePath,
  rootFromNodes,
  TILE_WIDTH,
  TreeEdge,
  tilePath,
  tilesForSize,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts';
import { GOLDEN_CONSISTENCY, GOLDEN_RESOURCES, GOLDEN_SIZES } from './support/golden.ts';
import { buildGoldenTree, goldenLeaf, hasher, hex, servedTile, sha256Hex } from './support/golden-tree.ts';

const tree = buildGoldenTree();

test('leaf hashes are those of the naive model', () => {
  for (let i = 0; i < 2000; i++) assert.deepEqual(new Uint8Array(hasher.leaf(goldenLeaf(i))), tree.leafHashes[i]);
});

test('a compact range that grows leaf by leaf passes through every golden root', () => {
  const range = CompactRange.empty(hasher);
  for (const { size, root } of GOLDEN_SIZES) {
    while (range.size < size) range.append(tree.leafHashes[range.size] as Uint8Array);
    assert.equal(hex(range.root()), root, `size ${size}`);
  }
});

test('an edge that grows from golden size to golden size has the golden roots, restored from its bytes too', () => {
  let edge = TreeEdge.empty(hasher);
  for (const { size, root } of GOLDEN_SIZES) {
    edge = edge.append(tree.leafHashes.slice(edge.size, size)).edge;
    assert.equal(hex(edge.root()), root, `size ${size}`);
    edge = TreeEdge.restore({ hasher, size, partials: edge.partialBytes(), root: Buffer.from(root, 'hex') });
  }
});

test('roots read from tiles, and of the naive model, are the golden ones', () => {
  for (const { size, root } of GOLDEN_SIZES) {
    assert.equal(hex(tree.naive.root(size)), root, `naive, size ${size}`);
    if (size > 0) assert.equal(hex(rootFromNodes(size, tree.nodes(size))), root, `tiles, size ${size}`);
  }
});

test('a tree has exactly the tiles of the golden table: no empty one, none above the last level', () => {
  for (const { size, tiles } of GOLDEN_SIZES) {
    const wanted = tiles.map(([fullTiles, partialWidth], level) => ({ level, fullTiles, partialWidth }));
    assert.deepEqual(tilesForSize(size), wanted, `size ${size}`);
  }
});

test('proofs of the first and the last leaf have the golden lengths and verify', () => {
  for (const { size, root, proofLengths } of GOLDEN_SIZES) {
    if (!proofLengths) continue;
    for (const [at, index] of [0, size - 1].entries()) {
      const proof = inclusionProof(size, index, tree.nodes(size));
      assert.equal(proof.length, proofLengths[at], `leaf ${index} of ${size}`);
      const leafHash = tree.leafHashes[index] as Uint8Array;
      verifyInclusion({ hasher, index, size, leafHash, proof, root: Buffer.from(root, 'hex') });
    }
  }
});

/** SPEC: C2SP tlog-tiles, Log entries: each entry is a big-endian uint16 length and its bytes. */
function bundle(index: number, width: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let i = index * TILE_WIDTH; i < index * TILE_WIDTH + width; i++) {
    const leaf = goldenLeaf(i);
    parts.push(Uint8Array.of(leaf.length >> 8, leaf.length & 255), leaf);
  }
  return Buffer.concat(parts);
}

for (const [path, length, digest] of GOLDEN_RESOURCES) {
  test(`${path} has the golden bytes`, () => {
    const parsed = parseTilePath(path);
    assert.ok(parsed);
    const bytes =
      parsed.kind === 'entries'
        ? bundle(parsed.index, parsed.width)
        : tree
            .getTile(parsed.level, parsed.index, parsed.width)
            ?.bytes()
            .subarray(0, parsed.width * 32);
    assert.ok(bytes);
    assert.equal(bytes.length, length);
    assert.equal(sha256Hex(bytes), digest);
  });
}

test('tiles served at each golden size hash as listed, and full ones are the same bytes at 70000', () => {
  const listed = new Map(GOLDEN_RESOURCES.map(([path, , digest]) => [path, digest]));
  let compared = 0;
  let edge = TreeEdge.empty(hasher);
  for (const { size } of GOLDEN_SIZES) {
    const grown = edge.append(tree.leafHashes.slice(edge.size, size));
    for (const tile of [...grown.fullTiles, ...grown.edge.partialTiles()]) {
      const digest = listed.get(tilePath(tile));
      if (digest !== undefined) {
        assert.equal(sha256Hex(tile.nodes.bytes()), digest, `${tilePath(tile)} at ${size}`);
        compared++;
      }
      assert.deepEqual(
        tile.nodes.bytes(),
        new Uint8Array(servedTile(tree, size, tile.level, tile.index) as Uint8Array),
      );
    }
    edge = grown.edge;
  }
  assert.ok(compared >= 12, `only ${compared} compared`);
});

for (const [size1, size2, hashes, digest] of GOLDEN_CONSISTENCY) {
  test(`consistency proof ${size1}→${size2} has the golden hashes and verifies`, () => {
    const proof = consistencyProof(size1, size2, tree.nodes(size2));
    assert.equal(proof.length, hashes);
    assert.equal(sha256Hex(Buffer.concat(proof)), digest);
    const [root1, root2] = [tree.naive.root(size1), tree.naive.root(size2)];
    verifyConsistency({ hasher, size1, size2, root1, root2, proof });
  });
}

test('RFC 6962 eight-leaf vector: every root from one leaf to eight', () => {
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
  const roots = [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  const range = CompactRange.empty(hasher);
  leaves.forEach((leaf, i) => {
    range.append(hasher.leaf(Buffer.from(leaf, 'hex')));
    assert.equal(hex(range.root()), roots[i], `size ${i + 1}`);
  });
});

test('Tessera test log of fifteen leaves has its published root', () => {
  const words = 'one two three four five six seven eit nain ten ileven twelf threeten fourten fivten'.split(' ');
  const root = TreeEdge.empty(hasher)
    .append(words.map((word) => hasher.leaf(Buffer.from(word))))
    .edge.root();
  assert.equal(Buffer.from(root).toString('base64'), 'rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=');
});
