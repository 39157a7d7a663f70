import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createTreeHasher, equalHashes, MerkleError } from '../src/index.ts';
import { hasher, hex, sha256 } from './support/golden-tree.ts';
import { naiveLeafHash } from './support/naive.ts';

const code =
  (wanted: string) =>
  (error: unknown): boolean =>
    error instanceof MerkleError && error.code === wanted;

test('leaf and node hashes carry their prefixes', () => {
  assert.equal(hex(hasher.leaf(new Uint8Array(0))), '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
  const [left, right] = [sha256(Buffer.from('l')), sha256(Buffer.from('r'))];
  const wanted = createHash('sha256').update(Uint8Array.of(1)).update(left).update(right).digest();
  assert.deepEqual(Buffer.from(hasher.node(left, right)), wanted);
  assert.equal(hex(hasher.empty()), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

test('leaves of any length hash alike, whatever was hashed before them', () => {
  const fresh = createTreeHasher(sha256);
  for (const length of [70_000, 1, 0, 65_535, 65_536, 31, 65_534, 200_000, 2, 0]) {
    const data = Buffer.alloc(length, length & 255);
    assert.equal(hex(fresh.leaf(data)), hex(naiveLeafHash(data)), `${length} bytes`);
  }
});

test('what was returned stays as it was when more is hashed', () => {
  const [a, b] = [hasher.leaf(Buffer.from('a')), hasher.leaf(Buffer.from('b'))];
  const node = hasher.node(a, b);
  const kept = hex(node);
  hasher.node(node, a);
  hasher.leaf(Buffer.alloc(64));
  hasher.empty().fill(7);
  assert.equal(hex(node), kept);
  assert.equal(hex(hasher.empty()).slice(0, 8), 'e3b0c442');
});

test('children that are no hashes are refused: two odd lengths may not add up to a node', () => {
  assert.throws(() => hasher.node(new Uint8Array(31), new Uint8Array(33)), code('bad_hash_length'));
  assert.throws(() => hasher.node(new Uint8Array(64), new Uint8Array(0)), code('bad_hash_length'));
  assert.throws(() => hasher.node(new Uint8Array(32), new Uint8Array(0)), code('bad_hash_length'));
});

test('a hash function of another length, or one that returns the same array again, is refused', () => {
  const digest = (name: string) => (data: Uint8Array) => new Uint8Array(createHash(name).update(data).digest());
  assert.throws(() => createTreeHasher(digest('sha1')), code('bad_hash_function'));
  assert.throws(() => createTreeHasher(digest('sha512')), code('bad_hash_function'));
  const shared = new Uint8Array(32);
  const reuse = (data: Uint8Array): Uint8Array => {
    shared.set(sha256(data));
    return shared;
  };
  assert.throws(() => createTreeHasher(reuse), code('bad_hash_function'));
  assert.throws(() => createTreeHasher((data) => reuse(data).subarray(0)), code('bad_hash_function'));
  const async = (async (data: Uint8Array) => sha256(data)) as unknown as (data: Uint8Array) => Uint8Array;
  assert.throws(() => createTreeHasher(async), code('bad_hash_function'));
});

test('hashes are equal only byte for byte and at the same length', () => {
  const a = Uint8Array.of(1, 2, 3);
  assert.ok(equalHashes(a, Buffer.from([1, 2, 3])));
  for (const other of [[1, 2], [1, 2, 3, 0], [1, 2, 4], [0, 2, 3], []]) {
    assert.equal(equalHashes(a, Uint8Array.from(other)), false);
  }
});
