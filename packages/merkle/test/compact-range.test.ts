import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CompactRange, decompose, MerkleError } from '../src/index.ts';
import { buildGoldenTree, hasher } from './support/golden-tree.ts';

const { leafHashes, naive } = buildGoldenTree();
const code =
  (wanted: string) =>
  (error: unknown): boolean =>
    error instanceof MerkleError && error.code === wanted;

function rangeOf(begin: number, end: number): CompactRange {
  const range = CompactRange.empty(hasher, begin);
  for (let i = begin; i < end; i++) range.append(leafHashes[i] as Uint8Array);
  return range;
}

test('leaf by leaf, every size to 600 has the naive root and is restored from its hashes', () => {
  const range = CompactRange.empty(hasher);
  assert.deepEqual(range.root(), hasher.empty());
  for (let size = 1; size <= 600; size++) {
    range.append(leafHashes[size - 1] as Uint8Array);
    assert.equal(range.size, size);
    assert.ok(Buffer.compare(range.root(), naive.root(size)) === 0, `size ${size}`);
    const restored = CompactRange.from(hasher, { end: size, hashes: range.hashes() });
    assert.ok(Buffer.compare(restored.root(), naive.root(size)) === 0, `restored, size ${size}`);
    assert.equal(range.hashes().length, size.toString(2).replaceAll('0', '').length);
  }
});

test('ranges that meet merge into the same range in any grouping', () => {
  const cuts = fc.array(fc.nat(1500), { minLength: 4, maxLength: 4 }).map((at) => at.toSorted((a, b) => a - b));
  fc.assert(
    fc.property(cuts, ([a = 0, b = 0, c = 0, d = 0]) => {
      const whole = rangeOf(a, d);
      const left = rangeOf(a, b);
      left.appendRange(rangeOf(b, c));
      left.appendRange(rangeOf(c, d));
      const tail = rangeOf(b, c);
      tail.appendRange(rangeOf(c, d));
      const right = rangeOf(a, b);
      right.appendRange(tail);
      for (const range of [left, right]) {
        assert.deepEqual([range.begin, range.end, range.size], [a, d, d - a]);
        assert.deepEqual(range.hashes(), whole.hashes());
      }
      const wanted = decompose(a, d).map(({ level, index }) => naive.mth(index * 2 ** level, (index + 1) * 2 ** level));
      assert.ok(Buffer.concat(whole.hashes()).equals(Buffer.concat(wanted)));
    }),
    { numRuns: 100 },
  );
});

test('decompose covers its range exactly, without a pair that could merge', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      const [begin, end] = [Math.min(a, b), Math.max(a, b)];
      let at = BigInt(begin);
      let before: { level: number; index: number } | undefined;
      for (const node of decompose(begin, end)) {
        assert.equal(BigInt(node.index) << BigInt(node.level), at);
        at += 1n << BigInt(node.level);
        assert.ok(before?.level !== node.level || before.index % 2 === 1);
        before = node;
      }
      assert.equal(at, BigInt(end));
    }),
    { numRuns: 500 },
  );
});

test('appending a range leaves the appended one and clones as they were', () => {
  const [left, right] = [rangeOf(0, 5), rangeOf(5, 9)];
  const copy = left.clone();
  const kept = right.hashes();
  left.appendRange(right);
  left.append(leafHashes[9] as Uint8Array);
  assert.deepEqual(right.hashes(), kept);
  assert.equal(copy.size, 5);
  assert.ok(Buffer.compare(copy.root(), naive.root(5)) === 0);
  copy.append(leafHashes[5] as Uint8Array);
  assert.ok(Buffer.compare(copy.root(), naive.root(6)) === 0);
  assert.ok(Buffer.compare(left.root(), naive.root(10)) === 0);
});

test('a range cannot be changed through what it took or gave', () => {
  const leaf = new Uint8Array(leafHashes[0] as Uint8Array);
  const range = CompactRange.empty(hasher);
  range.append(leaf);
  leaf.fill(0);
  range.hashes().forEach((hash) => hash.fill(0));
  range.root().fill(0);
  assert.ok(Buffer.compare(range.root(), naive.root(1)) === 0);
});

test('ranges that do not meet, odd counts of hashes and bad ends are refused', () => {
  const range = rangeOf(0, 5);
  assert.throws(() => range.appendRange(rangeOf(4, 8)), code('bad_range'));
  assert.throws(() => range.appendRange(rangeOf(6, 8)), code('bad_range'));
  assert.throws(() => range.appendRange(range), code('bad_range'));
  assert.equal(range.size, 5);
  assert.throws(() => rangeOf(3, 5).root(), code('bad_range'));
  const hashes = range.hashes();
  assert.throws(() => CompactRange.from(hasher, { end: 7, hashes }), code('bad_range'));
  assert.throws(() => CompactRange.from(hasher, { begin: 6, end: 5, hashes }), code('bad_range'));
  assert.throws(() => CompactRange.from(hasher, { end: -1, hashes }), code('size_out_of_range'));
  assert.throws(
    () => CompactRange.from(hasher, { end: 5, hashes: [new Uint8Array(31), ...hashes.slice(1)] }),
    code('bad_hash_length'),
  );
  assert.throws(() => CompactRange.empty(hasher, -1), code('size_out_of_range'));
  assert.throws(() => range.append(new Uint8Array(33)), code('bad_hash_length'));
  const last = CompactRange.empty(hasher, Number.MAX_SAFE_INTEGER);
  assert.throws(() => last.append(new Uint8Array(32)), code('size_out_of_range'));
  assert.equal(last.size, 0);
});
