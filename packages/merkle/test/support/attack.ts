import type { ConsistencyClaim, InclusionClaim, MerkleErrorCode } from '../../src/index.ts';
import { type GoldenTree, hasher } from './golden-tree.ts';

/** A change to a true claim, and what the verifier must say. Undefined: the attack does not apply to this claim. */
export type Attack<Claim> = {
  name: string;
  make: (claim: Claim, tree: GoldenTree) => Partial<Claim> | undefined;
  codes: MerkleErrorCode[];
};

export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

export function replaced(proof: readonly Uint8Array[], at: number, hash: Uint8Array): Uint8Array[] {
  return proof.map((old, i) => (i === at ? hash : old));
}

export function swapped(proof: readonly Uint8Array[]): Uint8Array[] {
  const [first, second, ...rest] = proof;
  return first && second ? [second, first, ...rest] : [...proof];
}

export const leafAt = (tree: GoldenTree, index: number): Uint8Array => tree.leafHashes[index] as Uint8Array;
export const some = (applies: boolean, change: object): object | undefined => (applies ? change : undefined);
export const ZERO = new Uint8Array(32);

/** True claims about the golden tree, to be spoilt. */
export function goldenClaims(tree: GoldenTree) {
  const { naive } = tree;
  const inclusionClaim = ([size, index]: readonly [number, number]): InclusionClaim => ({
    hasher,
    index,
    size,
    leafHash: leafAt(tree, index),
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
  return { inclusionClaim, consistencyClaim };
}

/** Attacks on the proof, the same for both kinds of claims. */
export const PROOF_ATTACKS: Attack<{ proof: readonly Uint8Array[] }>[] = [
  { name: 'proof empty', make: (c) => some(c.proof.length > 0, { proof: [] }), codes: ['wrong_proof_length'] },
  {
    name: 'proof extended by a zero hash',
    make: (c) => ({ proof: [...c.proof, ZERO] }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof of a million hashes',
    make: () => ({ proof: Array.from({ length: 1e6 }, () => ZERO) }),
    codes: ['wrong_proof_length'],
  },
  {
    name: 'proof hash of 31 bytes',
    make: (c) => some(c.proof.length > 0, { proof: replaced(c.proof, 0, new Uint8Array(31)) }),
    codes: ['bad_hash_length'],
  },
];
