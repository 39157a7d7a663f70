import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MerkleError, proveRange, verifyInclusion } from '../src/index.ts';
import { buildGoldenTree, countingHasher, hasher } from './support/golden-tree.ts';

const tree = buildGoldenTree();

interface Range {
  size: number;
  begin: number;
  count: number;
}

/** Any part of any tree of the golden leaves, its end or not. */
const ranges: fc.Arbitrary<Range> = fc
  .integer({ min: 1, max: 700 })
  .chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)))
  .chain(([size, begin]) =>
    fc.record({ size: fc.constant(size), begin: fc.constant(begin), count: fc.nat(size - begin) }),
  );

function prove({ size, begin, count }: Range, changed: Partial<Parameters<typeof proveRange>[0]> = {}): Uint8Array[][] {
  const leafHashes = tree.leafHashes.slice(begin, begin + count);
  return proveRange({
    hasher,
    size,
    root: tree.naive.root(size),
    begin,
    leafHashes,
    getNode: tree.nodes(size),
    ...changed,
  });
}

function code(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof MerkleError, String(error));
    return error.code;
  }
}

test('the proofs of any range are the naive ones, and each verifies alone', () => {
  fc.assert(
    fc.property(ranges, (range) => {
      const proofs = prove(range);
      assert.equal(proofs.length, range.count);
      proofs.forEach((proof, i) => {
        const index = range.begin + i;
        assert.deepEqual(proof.map(hexOf), tree.naive.inclusion(range.size, index).map(hexOf));
        const leafHash = tree.leafHashes[index] as Uint8Array;
        verifyInclusion({ hasher, index, size: range.size, leafHash, proof, root: tree.naive.root(range.size) });
      });
    }),
    { numRuns: 300 },
  );
});

test('every range that ends a small tree is proven', () => {
  for (let size = 1; size <= 70; size++) {
    for (let begin = 0; begin < size; begin++) {
      const proofs = prove({ size, begin, count: size - begin });
      proofs.forEach((proof, i) =>
        assert.deepEqual(proof.map(hexOf), tree.naive.inclusion(size, begin + i).map(hexOf)),
      );
    }
  }
});

test('one changed bit in a leaf, a node beside the range or the root, and there is no proof', () => {
  const faults = fc.record({ what: fc.constantFrom('leaf', 'node', 'root'), bit: fc.nat(255), at: fc.nat(10_000) });
  fc.assert(
    fc.property(ranges, faults, (range, { what, bit, at }) => {
      if (range.count === 0) return;
      const flip = (hash: Uint8Array): Uint8Array =>
        hash.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const leafHashes = tree.leafHashes.slice(range.begin, range.begin + range.count);
      const wrong = at % range.count;
      const truth = tree.nodes(range.size);
      let asked = 0;
      const run = (): unknown => {
        if (what === 'root') return prove(range, { root: flip(tree.naive.root(range.size)) });
        if (what === 'leaf')
          return prove(range, { leafHashes: leafHashes.map((hash, i) => (i === wrong ? flip(hash) : hash)) });
        return prove(range, {
          getNode: (level, index) => (asked++ === 0 ? flip(truth(level, index)) : truth(level, index)),
        });
      };
      const verdict = code(run);
      assert.equal(verdict, what === 'node' && asked === 0 ? undefined : 'root_mismatch');
    }),
    { numRuns: 300 },
  );
});

test('the right hashes at the wrong place are not proven', () => {
  for (const begin of [0, 99, 101]) {
    const leafHashes = tree.leafHashes.slice(100, 199);
    assert.equal(
      code(() => prove({ size: 200, begin, count: 99 }, { leafHashes })),
      'root_mismatch',
    );
  }
});

test('what is no range of the tree is refused before anything is hashed', () => {
  const { hasher: counting, count } = countingHasher();
  const all = { size: 10, begin: 8, count: 3 };
  const before = count();
  assert.equal(
    code(() => prove(all, { hasher: counting, leafHashes: tree.leafHashes.slice(8, 11) })),
    'index_out_of_range',
  );
  const noSize = {
    hasher: counting,
    size: -1,
    root: new Uint8Array(32),
    begin: 0,
    leafHashes: [],
    getNode: tree.nodes(1),
  };
  assert.equal(
    code(() => proveRange(noSize)),
    'size_out_of_range',
  );
  assert.equal(
    code(() => prove(all, { hasher: counting, leafHashes: [new Uint8Array(31)] })),
    'bad_hash_length',
  );
  assert.equal(
    code(() => prove(all, { hasher: counting, root: new Uint8Array(33) })),
    'bad_hash_length',
  );
  assert.equal(count(), before);
  assert.deepEqual(prove({ size: 10, begin: 10, count: 0 }), []);
});

test('a batch at the end of a tree costs about one hash a leaf, and its proofs share their nodes', () => {
  const { hasher: counting, count } = countingHasher();
  const range = { size: 700, begin: 400, count: 300 };
  const before = count();
  const proofs = prove(range, { hasher: counting });
  assert.ok(count() - before <= 1.1 * range.count, `${count() - before} hashes for ${range.count} leaves`);
  assert.ok(new Set(proofs.flat()).size <= 2.1 * range.count);
});

function hexOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}
