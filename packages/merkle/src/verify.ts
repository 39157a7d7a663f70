import { MerkleError } from './errors.ts';
import { checkHash, equalHashes, type TreeHasher } from './hasher.ts';
import { checkIndex, isOdd, pow2, rootLevel } from './numbers.ts';
import { checkSizePair, MAX_PROOF_LENGTH } from './proofs.ts';

export interface InclusionClaim {
  hasher: TreeHasher;
  index: number;
  size: number;
  leafHash: Uint8Array;
  proof: readonly Uint8Array[];
  root: Uint8Array;
}

export interface ConsistencyClaim {
  hasher: TreeHasher;
  size1: number;
  size2: number;
  root1: Uint8Array;
  root2: Uint8Array;
  proof: readonly Uint8Array[];
}

/**
 * The root an inclusion proof leads to. SPEC: RFC 9162 §2.1.3.2.
 * Throws `size_out_of_range`, `index_out_of_range`, `bad_hash_length`, `wrong_proof_length`.
 */
export function rootFromInclusionProof(claim: Omit<InclusionClaim, 'root'>): Uint8Array {
  const { hasher, proof } = claim;
  checkIndex(claim.index, claim.size);
  checkHash(claim.leafHash, 'leaf hash');
  checkProofHashes(proof);
  let index = claim.index;
  let last = claim.size - 1;
  let hash = claim.leafHash;
  for (const sibling of proof) {
    if (last === 0) throw tooLong(proof);
    if (isOdd(index) || index === last) {
      hash = hasher.node(sibling, hash);
      while (!isOdd(index) && index !== 0) {
        index = Math.floor(index / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = hasher.node(hash, sibling);
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw tooShort(proof);
  // A tree of one leaf has its leaf hash as root: give the caller an array of its own in that case too.
  return hash === claim.leafHash ? new Uint8Array(hash) : hash;
}

/**
 * Returns if the proof shows that the leaf is at `index` in the tree of `size` with that root; otherwise throws
 * `root_mismatch` or what rootFromInclusionProof throws.
 */
export function verifyInclusion(claim: InclusionClaim): void {
  checkHash(claim.root, 'root');
  if (!equalHashes(rootFromInclusionProof(claim), claim.root)) {
    throw new MerkleError('root_mismatch', `inclusion proof of ${claim.index} in ${claim.size} leads to another root`);
  }
}

/**
 * Returns if the proof shows that the tree of size1 is a prefix of the tree of size2; otherwise throws.
 * SPEC: RFC 9162 §2.1.4.2. Equal sizes need equal roots (`root_mismatch`: a fork) and an empty proof. From size 0
 * everything follows: the proof must be empty and root1 the empty root, nothing is said about root2 unless its size
 * is 0 too. Throws `size_out_of_range`, `sizes_reversed`, `bad_hash_length`, `wrong_proof_length`, `root_mismatch`,
 * `old_root_mismatch`, `new_root_mismatch`.
 */
export function verifyConsistency(claim: ConsistencyClaim): void {
  const { size1, size2, root1, root2, proof, hasher } = claim;
  checkSizePair(size1, size2);
  checkHash(root1, 'old root');
  checkHash(root2, 'new root');
  checkProofHashes(proof);
  if (size1 === 0 && !equalHashes(root1, hasher.empty())) throw oldRootMismatch(claim);
  if (size1 === 0 || size1 === size2) {
    if (proof.length > 0) throw tooLong(proof);
    if (size1 === size2 && !equalHashes(root1, root2)) {
      throw new MerkleError('root_mismatch', `two roots for size ${size1}`);
    }
    return;
  }
  const roots = rootsFromConsistencyProof(claim);
  if (!equalHashes(roots.old, root1)) throw oldRootMismatch(claim);
  if (!equalHashes(roots.new, root2)) {
    throw new MerkleError('new_root_mismatch', `consistency proof ${size1}..${size2} leads to another new root`);
  }
}

/** The loop of RFC 9162 §2.1.4.2 for 0 < size1 < size2. */
function rootsFromConsistencyProof(claim: ConsistencyClaim): { old: Uint8Array; new: Uint8Array } {
  const { hasher, proof, size1 } = claim;
  const startsAtRoot = pow2(rootLevel(size1)) === size1;
  const path = startsAtRoot ? [claim.root1, ...proof] : proof;
  const start = path[0];
  if (start === undefined) throw tooShort(proof);
  let index = size1 - 1;
  let last = claim.size2 - 1;
  const up = (): void => {
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  };
  while (isOdd(index)) up();
  let oldHash = start;
  let newHash = start;
  for (const sibling of path.slice(1)) {
    if (last === 0) throw tooLong(proof);
    if (isOdd(index) || index === last) {
      oldHash = hasher.node(sibling, oldHash);
      newHash = hasher.node(sibling, newHash);
      while (!isOdd(index) && index !== 0) up();
    } else {
      newHash = hasher.node(newHash, sibling);
    }
    up();
  }
  if (last !== 0) throw tooShort(proof);
  return { old: oldHash, new: newHash };
}

/** Bounds the count before any hash is looked at. */
export function checkProofHashes(proof: readonly Uint8Array[]): void {
  if (proof.length > MAX_PROOF_LENGTH) throw tooLong(proof);
  for (const hash of proof) checkHash(hash, 'proof hash');
}

export function tooLong(proof: readonly unknown[]): MerkleError {
  return new MerkleError('wrong_proof_length', `proof of ${proof.length} hashes is too long`);
}

export function tooShort(proof: readonly unknown[]): MerkleError {
  return new MerkleError('wrong_proof_length', `proof of ${proof.length} hashes is too short`);
}

function oldRootMismatch(claim: ConsistencyClaim): MerkleError {
  return new MerkleError(
    'old_root_mismatch',
    `consistency proof ${claim.size1}..${claim.size2} leads to another old root`,
  );
}
