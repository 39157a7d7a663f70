import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ConsistencyClaim,
  createInclusionVerifier,
  type InclusionClaim,
  MerkleError,
  type MerkleErrorCode,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts';
import { buildGoldenTree, goldenLeaf, hasher, seededIntegers } from './support/golden-tree.ts';

const { naive, leafHashes } = buildGoldenTree();
const ZERO = new Uint8Array(32);

/** A change to a true claim, and what the verifier must say. Undefined: the attack does not apply to this claim. */
type Attack<Claim> = {
  name: string;
  make: (claim: Claim) => Partial<Claim> | undefined;
  codes: MerkleErrorCode[];
};

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

function replaced(proof: readonly Uint8Array[], at: number, hash: Uint8Array): Uint8Array[] {
  return proof.map((old, i) => (i === at ? hash : old));
}

function swapped(proof: readonly Uint8Array[]): Uint8Array[] {
  const [first, second, ...rest] = proof;
  return first && second ? [second, first, ...rest] : [...proof];
}

const leafAt = (index: number): Uint8Array => leafHashes[index] as Uint8Array;
const some = (applies: boolean, change: object): object | undefined => (applies ? change : undefined);

const INCLUSION_ATTACKS: Attack<InclusionClaim>[] = [
  {
    name: 'index+1',
    make: (c) => ({ index: c.index + 1 }),
    codes: ['root_mismatch', 'wrong_proof_length', 'index_out_of_range'],
  },
  {
    name: 'index-1',
    make: (c) => ({ index: c.index - 1 }),
    codes: ['root_mismatch', 'wrong_proof_length', 'index_out_of_range'],
  },
  { name: 'index is the size', make: (c) => ({ index: c.size }), codes: ['index_out_of_range'] },
  {
    name: 'index flipped to the sibling',
    make: (c) => some(c.proof.length > 0, { index: c.index + (c.index % 2 ? -1 : 1) }),
    codes: ['root_mismatch', 'wrong_proof_length', 'index_out_of_range'],
  },
  { name: 'index plus 2^32', make: (c) => ({ index: c.index + 2 ** 32 }), codes: ['index_out_of_range'] },
  { name: 'index not an integer', make: (c) => ({ index: c.index + 0.5 }), codes: ['index_out_of_range'] },
  { name: 'index not a number', make: () => ({ index: Number.NaN }), codes: ['index_out_of_range'] },
  { name: 'size twice as large', make: (c) => ({ size: 2 * c.size }), codes: ['wrong_proof_length', 'root_mismatch'] },
  { name: 'size plus 2^32', make: (c) => ({ size: c.size + 2 ** 32 }), codes: ['wrong_proof_length', 'root_mismatch'] },
  { name: 'size above the safe integers', make: () => ({ size: 2 ** 53 }), codes: ['size_out_of_range'] },
  { name: 'size infinite', make: () => ({ size: Number.POSITIVE_INFINITY }), codes: ['size_out_of_range'] },
  { name: 'size zero', make: () => ({ size: 0, index: 0 }), codes: ['index_out_of_range'] },
  {
    name: 'proof truncated at the root',
    make: (c) => some(c.proof.length > 0, { proof: c.proof.slice(0, -1) }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof truncated at the leaf',
    make: (c) => some(c.proof.length > 0, { proof: c.proof.slice(1) }),
    codes: ['wrong_proof_length'],
  },
  { name: 'proof empty', make: (c) => some(c.proof.length > 0, { proof: [] }), codes: ['wrong_proof_length'] },
  {
    name: 'proof extended by a zero hash',
    make: (c) => ({ proof: [...c.proof, ZERO] }),
    codes: ['wrong_proof_length'],
  },
  { name: 'proof extended by the root', make: (c) => ({ proof: [...c.proof, c.root] }), codes: ['wrong_proof_length'] },
  {
    name: 'proof extended before the leaf',
    make: (c) => ({ proof: [c.leafHash, ...c.proof] }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof of a million hashes',
    make: () => ({ proof: Array.from({ length: 1e6 }, () => ZERO) }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof nodes swapped',
    make: (c) => some(c.proof.length > 1, { proof: swapped(c.proof) }),
    codes: ['root_mismatch'],
  },
  {
    name: 'proof reversed',
    make: (c) => some(c.proof.length > 1, { proof: [...c.proof].reverse() }),
    codes: ['root_mismatch'],
  },
  {
    name: 'proof hash of 31 bytes',
    make: (c) => some(c.proof.length > 0, { proof: replaced(c.proof, 0, new Uint8Array(31)) }),
    codes: ['bad_hash_length'],
  },
  {
    name: 'proof hash of 33 bytes',
    make: (c) => some(c.proof.length > 0, { proof: replaced(c.proof, 0, new Uint8Array(33)) }),
    codes: ['bad_hash_length'],
  },
  {
    name: 'first two proof hashes as one of 64 bytes',
    make: (c) => some(c.proof.length > 1, { proof: [Buffer.concat(c.proof.slice(0, 2)), ...c.proof.slice(2)] }),
    codes: ['bad_hash_length'],
  },
  {
    name: 'leaf hash of another leaf',
    make: (c) => some(c.size > 1, { leafHash: leafAt((c.index + 1) % c.size) }),
    codes: ['root_mismatch'],
  },
  {
    name: 'leaf data in place of its hash',
    make: (c) => ({ leafHash: goldenLeaf(c.index) }),
    codes: ['bad_hash_length'],
  },
  { name: 'leaf hash empty', make: () => ({ leafHash: new Uint8Array(0) }), codes: ['bad_hash_length'] },
  {
    name: 'leaf hashed without its prefix',
    make: (c) => ({ leafHash: hasher.node(leafAt(c.index), leafAt(c.index)) }),
    codes: ['root_mismatch'],
  },
  { name: 'root of the empty tree', make: () => ({ root: hasher.empty() }), codes: ['root_mismatch'] },
  { name: 'root of the next size', make: (c) => ({ root: naive.root(c.size + 1) }), codes: ['root_mismatch'] },
  { name: 'root of the size before', make: (c) => ({ root: naive.root(c.size - 1) }), codes: ['root_mismatch'] },
  { name: 'root is the leaf hash', make: (c) => some(c.size > 1, { root: c.leafHash }), codes: ['root_mismatch'] },
  { name: 'root cut short', make: (c) => ({ root: c.root.subarray(0, 31) }), codes: ['bad_hash_length'] },
  { name: 'root empty', make: () => ({ root: new Uint8Array(0) }), codes: ['bad_hash_length'] },
];

const CONSISTENCY_ATTACKS: Attack<ConsistencyClaim>[] = [
  {
    name: 'sizes swapped',
    make: (c) => some(c.size1 < c.size2, { size1: c.size2, size2: c.size1 }),
    codes: ['sizes_reversed'],
  },
  {
    name: 'old size+1',
    make: (c) => ({ size1: c.size1 + 1 }),
    codes: ['wrong_proof_length', 'old_root_mismatch', 'new_root_mismatch', 'root_mismatch', 'sizes_reversed'],
  },
  {
    name: 'old size-1',
    make: (c) => ({ size1: c.size1 - 1 }),
    codes: ['wrong_proof_length', 'old_root_mismatch', 'new_root_mismatch'],
  },
  { name: 'old size zero', make: () => ({ size1: 0 }), codes: ['old_root_mismatch', 'wrong_proof_length'] },
  {
    name: 'old size zero and the empty root, proof kept',
    make: (c) => some(c.proof.length > 0, { size1: 0, root1: hasher.empty() }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'new size twice as large',
    make: (c) => ({ size2: 2 * c.size2 }),
    codes: ['wrong_proof_length', 'old_root_mismatch', 'new_root_mismatch'],
  },
  {
    name: 'new size is the old one',
    make: (c) => some(c.size1 < c.size2, { size2: c.size1 }),
    codes: ['wrong_proof_length', 'root_mismatch'],
  },
  {
    name: 'sizes plus 2^32',
    make: (c) => some(c.size1 < c.size2, { size1: c.size1 + 2 ** 32, size2: c.size2 + 2 ** 32 }),
    codes: ['wrong_proof_length', 'old_root_mismatch', 'root_mismatch'],
  },
  { name: 'new size above the safe integers', make: () => ({ size2: 2 ** 53 }), codes: ['size_out_of_range'] },
  { name: 'old size negative', make: () => ({ size1: -1 }), codes: ['size_out_of_range'] },
  {
    name: 'proof truncated at the end',
    make: (c) => some(c.proof.length > 0, { proof: c.proof.slice(0, -1) }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof truncated at the start',
    make: (c) => some(c.proof.length > 0, { proof: c.proof.slice(1) }),
    codes: ['wrong_proof_length'],
  },
  { name: 'proof empty', make: (c) => some(c.proof.length > 0, { proof: [] }), codes: ['wrong_proof_length'] },
  {
    name: 'proof extended by a zero hash',
    make: (c) => ({ proof: [...c.proof, ZERO] }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof extended by the old root in front',
    make: (c) => ({ proof: [c.root1, ...c.proof] }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof extended by the new root',
    make: (c) => ({ proof: [...c.proof, c.root2] }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof of a million hashes',
    make: () => ({ proof: Array.from({ length: 1e6 }, () => ZERO) }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof nodes swapped',
    make: (c) => some(c.proof.length > 1, { proof: swapped(c.proof) }),
    codes: ['old_root_mismatch', 'new_root_mismatch'],
  },
  {
    name: 'proof hash of 31 bytes',
    make: (c) => some(c.proof.length > 0, { proof: replaced(c.proof, 0, new Uint8Array(31)) }),
    codes: ['bad_hash_length'],
  },
  {
    name: 'roots swapped',
    make: (c) => some(c.size1 < c.size2, { root1: c.root2, root2: c.root1 }),
    codes: ['old_root_mismatch', 'new_root_mismatch'],
  },
  {
    name: 'old root of another size',
    make: (c) => ({ root1: naive.root(c.size1 + 1) }),
    codes: ['old_root_mismatch', 'new_root_mismatch', 'root_mismatch'],
  },
  {
    name: 'new root of another size',
    make: (c) => ({ root2: naive.root(c.size2 + 1) }),
    codes: ['new_root_mismatch', 'root_mismatch'],
  },
  {
    name: 'both roots the old one',
    make: (c) => some(c.size1 < c.size2, { root2: c.root1 }),
    codes: ['new_root_mismatch'],
  },
  {
    name: 'both roots the new one',
    make: (c) => some(c.size1 < c.size2, { root1: c.root2 }),
    codes: ['old_root_mismatch', 'new_root_mismatch'],
  },
  { name: 'old root empty', make: () => ({ root1: new Uint8Array(0) }), codes: ['bad_hash_length'] },
  {
    name: 'new root of 64 bytes',
    make: (c) => ({ root2: Buffer.concat([c.root2, c.root2]) }),
    codes: ['bad_hash_length'],
  },
];

const LEAVES = [
  [1, 0],
  [2, 0],
  [2, 1],
  [3, 2],
  [7, 6],
  [8, 0],
  [8, 7],
  [9, 8],
  [11, 5],
  [256, 255],
  [257, 256],
  [600, 599],
  [65537, 0],
  [70000, 69999],
  [70000 - 1, 31337],
] as const;
const PAIRS = [
  [1, 1],
  [1, 2],
  [2, 3],
  [3, 7],
  [4, 8],
  [6, 8],
  [7, 8],
  [8, 8],
  [255, 256],
  [256, 257],
  [255, 257],
  [512, 600],
  [257, 65535],
  [65537, 69999],
] as const;

const inclusionClaim = ([size, index]: readonly [number, number]): InclusionClaim => ({
  hasher,
  index,
  size,
  leafHash: leafAt(index),
  proof: naive.inclusion(size, index),
  root: naive.root(size),
});
const consistencyClaim = ([size1, size2]: readonly [number, number]): ConsistencyClaim => ({
  hasher,
  size1,
  size2,
  root1: naive.root(size1),
  root2: naive.root(size2),
  proof: naive.consistency(size1, size2),
});

/** Runs an attack on all true claims it applies to, each of which must pass unharmed first. */
function attack<Claim extends { proof: readonly Uint8Array[] }>(
  { name, make, codes }: Attack<Claim>,
  claims: readonly Claim[],
  verify: (claim: Claim) => void,
): void {
  let tried = 0;
  for (const claim of claims) {
    verify(claim);
    const change = make(claim);
    if (change === undefined) continue;
    tried++;
    const refused = (error: unknown): boolean => error instanceof MerkleError && codes.includes(error.code);
    assert.throws(() => verify({ ...claim, ...change }), refused, `${name}, proof of ${claim.proof.length}`);
  }
  assert.ok(tried > 0, 'applies to nothing');
}

const inclusionClaims = LEAVES.filter(([size]) => size < 70000).map(inclusionClaim);
for (const entry of INCLUSION_ATTACKS) {
  test(`inclusion is refused: ${entry.name}`, () => attack(entry, inclusionClaims, verifyInclusion));
}

const consistencyClaims = PAIRS.map(consistencyClaim);
for (const entry of CONSISTENCY_ATTACKS) {
  test(`consistency is refused: ${entry.name}`, () => attack(entry, consistencyClaims, verifyConsistency));
}

test('inclusion is refused: size±1, for every leaf whose path another size would change, to 130', () => {
  // For most leaves the same proof shape is valid in a neighbouring size; only the root tells them apart.
  for (let size = 2; size <= 130; size++) {
    for (let index = 0; index < size; index++) {
      const claim = inclusionClaim([size, index]);
      for (const other of [size - 1, size + 1]) {
        const lie = { ...claim, size: other, root: naive.root(other) };
        assert.throws(() => verifyInclusion(lie), MerkleError, `${index} of ${size} shown for ${other}`);
      }
    }
  }
});

test('inclusion is refused: second preimage, an interior node passed off as a leaf', () => {
  // An attacker offers the two children of a node as the data of a leaf of a shallower tree.
  const leafHash = hasher.leaf(Buffer.concat([leafAt(0), leafAt(1)]));
  const proof = naive.inclusion(4, 0).slice(1);
  const claim = { hasher, index: 0, size: 2, leafHash, proof, root: naive.root(4) };
  assert.throws(() => verifyInclusion(claim), { code: 'root_mismatch' });
  assert.notDeepEqual(hasher.leaf(Buffer.concat([leafAt(0), leafAt(1)])), hasher.node(leafAt(0), leafAt(1)));
});

test('consistency is refused: a log that rewrote one old leaf', () => {
  const forged = leafHashes.slice(0, 9);
  forged[2] = hasher.leaf(Buffer.from('rewritten'));
  const fork = naive.root(9);
  const claim = consistencyClaim([5, 9]);
  verifyConsistency({ ...claim, root2: fork });
  const lying = new (naive.constructor as new (hashes: readonly Uint8Array[]) => typeof naive)(forged);
  const lie = { ...claim, root2: lying.root(9), proof: lying.consistency(5, 9) };
  assert.throws(() => verifyConsistency(lie), { code: 'old_root_mismatch' });
});

test('consistency is refused: two roots for one size', () => {
  const claim = consistencyClaim([9, 9]);
  assert.throws(() => verifyConsistency({ ...claim, root2: ZERO }), { code: 'root_mismatch' });
});

test('consistency is refused: size 0 with another root than that of nothing', () => {
  const claim = { hasher, size1: 0, size2: 3, root1: ZERO, root2: naive.root(3), proof: [] };
  assert.throws(() => verifyConsistency(claim), { code: 'old_root_mismatch' });
});

test('every single bit of leaf hash, root and proof counts for inclusion', () => {
  for (const place of [
    [1, 0],
    [7, 6],
    [8, 3],
    [600, 599],
    [65537, 77],
  ] as const) {
    const claim = inclusionClaim(place);
    for (let bit = 0; bit < 256; bit++) {
      const lies: Partial<InclusionClaim>[] = [
        { leafHash: flipped(claim.leafHash, bit) },
        { root: flipped(claim.root, bit) },
      ];
      claim.proof.forEach((hash, at) => lies.push({ proof: replaced(claim.proof, at, flipped(hash, bit)) }));
      for (const lie of lies) assert.throws(() => verifyInclusion({ ...claim, ...lie }), { code: 'root_mismatch' });
    }
  }
});

test('every single bit of both roots and the proof counts for consistency', () => {
  for (const place of [
    [1, 2],
    [3, 7],
    [4, 8],
    [255, 257],
    [257, 65535],
  ] as const) {
    const claim = consistencyClaim(place);
    for (let bit = 0; bit < 256; bit++) {
      const lies: Partial<ConsistencyClaim>[] = [
        { root1: flipped(claim.root1, bit) },
        { root2: flipped(claim.root2, bit) },
      ];
      claim.proof.forEach((hash, at) => lies.push({ proof: replaced(claim.proof, at, flipped(hash, bit)) }));
      for (const lie of lies) {
        assert.throws(
          () => verifyConsistency({ ...claim, ...lie }),
          (error) => error instanceof MerkleError && error.code.endsWith('root_mismatch'),
        );
      }
    }
  }
});

test('one bit flipped at random in every proof of every size to 200 is refused', () => {
  const below = seededIntegers(6962);
  for (let size = 2; size <= 200; size++) {
    for (let index = 0; index < size; index++) {
      const claim = inclusionClaim([size, index]);
      const at = below(claim.proof.length);
      const proof = replaced(claim.proof, at, flipped(claim.proof[at] as Uint8Array, below(256)));
      assert.throws(() => verifyInclusion({ ...claim, proof }), { code: 'root_mismatch' });
    }
  }
});

test('a refused proof teaches the batch verifier nothing', () => {
  const claim = inclusionClaim([600, 300]);
  const verifier = createInclusionVerifier({ hasher, size: 600, root: claim.root });
  const forged = hasher.leaf(Buffer.from('forged'));
  assert.throws(() => verifier.verify({ index: 300, leafHash: forged, proof: claim.proof }), { code: 'root_mismatch' });
  assert.throws(() => verifier.verify({ index: 300, leafHash: forged, proof: claim.proof }), { code: 'root_mismatch' });
  verifier.verify(claim);
  // Now the leaf is proven: what differs anywhere in a second proof of it is still refused.
  verifier.verify(claim);
  claim.proof.forEach((hash, at) => {
    const proof = replaced(claim.proof, at, flipped(hash, at));
    assert.throws(() => verifier.verify({ ...claim, proof }), { code: 'root_mismatch' });
  });
});

test('a proof hash that is text, a list or nothing is refused', () => {
  for (const odd of ['x'.repeat(32), Array.from({ length: 32 }, () => 0), undefined, null]) {
    const hash = odd as unknown as Uint8Array;
    const inclusion = inclusionClaim([8, 3]);
    const consistency = consistencyClaim([3, 7]);
    const refused = { code: 'bad_hash_length' };
    assert.throws(() => verifyInclusion({ ...inclusion, proof: replaced(inclusion.proof, 0, hash) }), refused);
    assert.throws(() => verifyInclusion({ ...inclusion, leafHash: hash }), refused);
    assert.throws(() => verifyInclusion({ ...inclusion, root: hash }), refused);
    assert.throws(() => verifyConsistency({ ...consistency, proof: replaced(consistency.proof, 0, hash) }), refused);
    assert.throws(() => verifyConsistency({ ...consistency, root1: hash }), refused);
  }
});
