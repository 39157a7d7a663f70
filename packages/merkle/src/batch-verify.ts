import { MerkleError } from './errors.ts';
import { checkHash, equalHashes, type TreeHasher } from './hasher.ts';
import { checkIndex, isOdd, rootLevel } from './numbers.ts';
import { inclusionNodes } from './proofs.ts';
import { checkProofHashes, tooLong, tooShort } from './verify.ts';

/** Verifies many inclusion proofs under one root. */
export interface InclusionVerifier {
  /** Same verdicts and errors as verifyInclusion. A refused proof teaches the verifier nothing. */
  verify(claim: { index: number; leafHash: Uint8Array; proof: readonly Uint8Array[] }): void;
}

interface Step {
  level: number;
  index: number;
  hash: Uint8Array;
}

/**
 * Every proof is checked in full, yet nodes that an earlier proof has shown to be under this root are compared, not
 * hashed again: a run of neighbours costs about one hash a leaf. Keeps two to three hashes a leaf: make one per batch.
 * Throws `size_out_of_range`, `index_out_of_range` (empty tree), `bad_hash_length`.
 */
export function createInclusionVerifier(options: {
  hasher: TreeHasher;
  size: number;
  root: Uint8Array;
}): InclusionVerifier {
  const { hasher, size, root } = options;
  checkIndex(0, size);
  checkHash(root, 'root');
  const top = rootLevel(size);
  // proven[level] holds nodes that are under the root. Whenever a node below the top is in it, so are its sibling
  // and its parent, because a proof is recorded whole or not at all.
  const proven: Map<number, Uint8Array>[] = Array.from({ length: top + 1 }, () => new Map<number, Uint8Array>());
  proven[top]?.set(0, new Uint8Array(root));
  const isProven = (step: Step): boolean | undefined => {
    const known = proven[step.level]?.get(step.index);
    return known === undefined ? undefined : equalHashes(known, step.hash);
  };

  return {
    verify({ index, leafHash, proof }) {
      checkIndex(index, size);
      checkHash(leafHash, 'leaf hash');
      checkProofHashes(proof);
      checkProofLength(proof, index, size);
      const learnt = climb({ hasher, index, size, leafHash, proof, isProven });
      for (const step of learnt) proven[step.level]?.set(step.index, new Uint8Array(step.hash));
    },
  };
}

/** Walks from the leaf to the root; hashes until it meets a proven node, from there on only compares. */
function climb(walk: {
  hasher: TreeHasher;
  index: number;
  size: number;
  leafHash: Uint8Array;
  proof: readonly Uint8Array[];
  isProven: (step: Step) => boolean | undefined;
}): Step[] {
  const { proof, hasher } = walk;
  const learnt: Step[] = [];
  let { index } = walk;
  let last = walk.size - 1;
  let used = 0;
  let hash: Uint8Array | undefined = walk.leafHash;
  for (let level = 0; ; level++) {
    if (hash !== undefined) {
      const verdict = walk.isProven({ level, index, hash });
      if (verdict === false) throw mismatch(walk);
      if (verdict === undefined) learnt.push({ level, index, hash });
      else hash = undefined;
    }
    if (last === 0) break;
    if (isOdd(index) || index < last) {
      const sibling = proof[used++];
      if (sibling === undefined) throw tooShort(proof);
      const step = { level, index: isOdd(index) ? index - 1 : index + 1, hash: sibling };
      if (hash === undefined) {
        if (walk.isProven(step) !== true) throw mismatch(walk);
      } else {
        learnt.push(step);
        hash = isOdd(index) ? hasher.node(sibling, hash) : hasher.node(hash, sibling);
      }
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return learnt;
}

/** Before any comparison, so that a proof with two faults gets the same code as from verifyInclusion. */
function checkProofLength(proof: readonly unknown[], index: number, size: number): void {
  const wanted = inclusionNodes(size, index).length;
  if (proof.length > wanted) throw tooLong(proof);
  if (proof.length < wanted) throw tooShort(proof);
}

function mismatch(walk: { index: number; size: number }): MerkleError {
  return new MerkleError('root_mismatch', `inclusion proof of ${walk.index} in ${walk.size} leads to another root`);
}
