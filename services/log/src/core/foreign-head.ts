import { equalHashes } from '@sigstead/merkle';
import type { LogError } from './errors.ts';
import type { HeadClaim } from './ports.ts';
import { halted, nameHead } from './state.ts';

/**
 * What a head that came from outside (a place we export to, a witness, a monitor) says about this log.
 *
 * - `consistent`  our own signature over a prefix of our tree: nothing to do
 * - `alarm`       anybody could have said it: somebody has to look, and the log goes on
 * - `halt`        our own signature over a tree that we do not have: nothing may be signed until an operator acts
 */
export type ForeignVerdict =
  | { kind: 'consistent'; claim: HeadClaim }
  | { kind: 'alarm'; detail: string }
  | { kind: 'halt'; claim: HeadClaim; error: LogError };

export interface OwnHead {
  /** Settled after the foreign head was read: other processes may have signed what it says. */
  head: Pick<HeadClaim, 'size' | 'root'>;
  /** Root of the first `size` entries of the tree of that head. */
  rootAt(size: number): Promise<Uint8Array>;
  /** Verifies a note with the log's own key; throws when anything is wrong with it. */
  openHead(note: Uint8Array): HeadClaim;
}

/**
 * Judges a signed head from outside. Only our own signature can stop the log, and only over a larger or another tree: else
 * whoever can write to us could. Whatever `rootAt` throws is thrown on.
 */
export async function judgeForeignHead(note: Uint8Array, own: OwnHead): Promise<ForeignVerdict> {
  let claim: HeadClaim;
  try {
    claim = own.openHead(note);
  } catch (error) {
    return { kind: 'alarm', detail: `a head that is not signed by this log was shown as one of it: ${String(error)}` };
  }
  const { head } = own;
  if (claim.size > head.size) {
    const text = `this log has signed a larger tree (${nameHead(claim)}) than it has (${nameHead(head)})`;
    return { kind: 'halt', claim, error: halted(text) };
  }
  const root = claim.size === head.size ? head.root : await own.rootAt(claim.size);
  if (equalHashes(root, claim.root)) return { kind: 'consistent', claim };
  const ours = nameHead({ size: claim.size, root });
  const text = `this log has signed another tree (${nameHead(claim)}) than it has (${ours}); its head is ${nameHead(head)}`;
  return { kind: 'halt', claim, error: halted(text) };
}

/** Judges a size that a witness says it has seen: without our signature it proves nothing, so it never stops the log. */
export function judgeClaimedSize(
  claimedSize: number,
  head: OwnHead['head'],
): { kind: 'consistent' } | { kind: 'alarm'; detail: string } {
  if (claimedSize <= head.size) return { kind: 'consistent' };
  return { kind: 'alarm', detail: `a witness claims size ${claimedSize}, the log has ${nameHead(head)}` };
}
