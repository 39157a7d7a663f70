import {
  consistencyProof,
  equalHashes,
  type GrownEdge,
  proveRange,
  type TreeHasher,
  verifyConsistency,
} from '@sigstead/merkle';
import { LogError } from './errors.ts';
import type { HeadClaim, Personality } from './ports.ts';

/**
 * Opens a note just signed and compares it with what was to be signed; returns what it says. Nothing leaves, or is
 * stored, on the strength of a signature that does not verify or that says something else. Throws `internal`.
 */
export function checkNote(personality: Personality, note: Uint8Array, claim: HeadClaim): HeadClaim {
  let opened: HeadClaim;
  try {
    opened = personality.openHead(note);
  } catch (cause) {
    throw unproven('a note just signed does not verify', cause);
  }
  const timesAgree = !personality.strictTime || opened.timestampMs === claim.timestampMs;
  if (opened.size === claim.size && equalHashes(opened.root, claim.root) && timesAgree) return opened;
  throw unproven('a note just signed says another head');
}

/**
 * Checks the way a client will, before anything is stored: that the tree of `signed` extends the tree of `base`, and
 * that it holds every leaf of the batch. Returns the inclusion proofs, in the batch's order. `signed` must come out of
 * the signed note and `base` from the stored head, not from the edge the proofs are made of: so a bit that flipped in
 * memory, or a rule broken in the code, ends here. All leaves are hashed up to the signed root once more, together: about
 * one hash an entry. Throws `internal`.
 */
export function proveBatch(input: {
  hasher: TreeHasher;
  base: Pick<HeadClaim, 'size' | 'root'>;
  signed: Pick<HeadClaim, 'size' | 'root'>;
  leafHashes: readonly Uint8Array[];
  getNode: GrownEdge['getNode'];
}): Uint8Array[][] {
  const { hasher, base, signed, leafHashes, getNode } = input;
  try {
    verifyConsistency({
      hasher,
      size1: base.size,
      size2: signed.size,
      root1: base.root,
      root2: signed.root,
      proof: consistencyProof(base.size, signed.size, getNode),
    });
    return proveRange({ hasher, size: signed.size, root: signed.root, begin: base.size, leafHashes, getNode });
  } catch (cause) {
    throw unproven(`the batch from ${base.size} to ${signed.size} cannot be proven`, cause);
  }
}

function unproven(detail: string, cause?: unknown): LogError {
  return new LogError('internal', 'failed to integrate entry', { detail, cause });
}
