import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MerkleError, verifyConsistency, verifyInclusion } from '../src/index.ts';
import { buildGoldenTree, hasher, seededIntegers } from './support/golden-tree.ts';
import { type Attack, flipped, goldenClaims, leafAt, replaced, ZERO } from './support/attack.ts';
import { CONSISTENCY_ATTACKS, PAIRS } from './support/consistency-attacks.ts';
import { INCLUSION_ATTACKS, LEAVES } from './support/inclusion-attacks.ts';

const tree = buildGoldenTree();
const { naive, leafHashes } = tree;
const { inclusionClaim, consistencyClaim } = goldenClaims(tree);

/** Runs an attack on all true claims it applies to, each of which must pass unharmed first. */
function attack<Claim extends { proof: readonly Uint8Array[] }>(
  { name, make, codes }: Attack<Claim>,
  claims: readonly Claim[],
  verify: (claim: Claim) => void,
): void {
  let tried = 0;
  for (const claim of claims) {
    verify(claim);
    const change = make(claim, tree);
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
  const leafHash = hasher.leaf(Buffer.concat([leafAt(tree, 0), leafAt(tree, 1)]));
  const proof = naive.inclusion(4, 0).slice(1);
  const claim = { hasher, index: 0, size: 2, leafHash, proof, root: naive.root(4) };
  assert.throws(() => verifyInclusion(claim), { code: 'root_mismatch' });
  assert.notDeepEqual(
    hasher.leaf(Buffer.concat([leafAt(tree, 0), leafAt(tree, 1)])),
    hasher.node(leafAt(tree, 0), leafAt(tree, 1)),
  );
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

/** The claim with one bit turned: in each of these members, and in each hash of the proof. */
function withBitTurned<Claim extends { proof: readonly Uint8Array[] }>(
  claim: Claim,
  members: readonly (keyof Claim)[],
  bit: number,
): Claim[] {
  const inMembers = members.map((member) => ({ ...claim, [member]: flipped(claim[member] as Uint8Array, bit) }));
  const inProof = claim.proof.map((hash, at) => ({ ...claim, proof: replaced(claim.proof, at, flipped(hash, bit)) }));
  return [...inMembers, ...inProof];
}

test('tile check 4: every single bit of leaf hash, root and proof counts for inclusion', () => {
  for (const place of [
    [1, 0],
    [7, 6],
    [8, 3],
    [600, 599],
    [65537, 77],
  ] as const) {
    const claim = inclusionClaim(place);
    for (let bit = 0; bit < 256; bit++) {
      for (const lie of withBitTurned(claim, ['leafHash', 'root'], bit)) {
        assert.throws(() => verifyInclusion(lie), { code: 'root_mismatch' });
      }
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
      for (const lie of withBitTurned(claim, ['root1', 'root2'], bit)) {
        assert.throws(
          () => verifyConsistency(lie),
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
