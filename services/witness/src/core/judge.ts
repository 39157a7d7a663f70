import { createHash } from 'node:crypto';
import type { AddCheckpointRequest } from '@sigstead/formats';
import { createTreeHasher, equalHashes, MerkleError, verifyConsistency } from '@sigstead/merkle';
import type { RefusalCode } from './errors.ts';

export const hasher = createTreeHasher((bytes) => createHash('sha256').update(bytes).digest());

/** A tree that was cosigned. */
export interface Head {
  readonly size: number;
  readonly root: Uint8Array;
}

/** What was cosigned for a log before anything was. SPEC: C2SP tlog-witness, add-checkpoint */
export const EMPTY: Head = { size: 0, root: hasher.empty() };

export type Judgement = { readonly verdict: 'cosign' } | { readonly verdict: 'refuse'; readonly code: RefusalCode };

const COSIGN: Judgement = { verdict: 'cosign' };
const refuse = (code: RefusalCode): Judgement => ({ verdict: 'refuse', code });

export function sameHead(one: Head, other: Head): boolean {
  return one.size === other.size && equalHashes(one.root, other.root);
}

/**
 * Whether a checkpoint that its log has signed may be cosigned after `latest`, in the order that the specification gives
 * the answers. SPEC: C2SP tlog-witness, add-checkpoint
 */
export function judge(latest: Head, { oldSize, proof, checkpoint }: AddCheckpointRequest): Judgement {
  const { size, root } = checkpoint;
  if (oldSize > size) return refuse('old_beyond');
  if (oldSize !== latest.size) return refuse('stale');
  if (size === 0 && !equalHashes(root, EMPTY.root)) return refuse('empty_root');
  if (size === latest.size && !equalHashes(root, latest.root)) return refuse('other_root');
  try {
    // From size 0 and to the same size it asks for an empty proof.
    verifyConsistency({ hasher, size1: latest.size, size2: size, root1: latest.root, root2: root, proof });
    return COSIGN;
  } catch (error) {
    if (error instanceof MerkleError) return refuse('bad_proof');
    throw error;
  }
}
