import { equalHashes, type TreeEdge, type TreeHasher, TreeEdge as Edge } from '@sigstead/merkle';
import { LogError } from './errors.ts';
import type { HeadClaim, Personality, StoredHead } from './ports.ts';

/** A head this process has proven for itself: the edge leads to the root that the note signs. */
export interface LogState {
  readonly head: StoredHead;
  readonly edge: TreeEdge;
}

/** "size N root hex", the way heads are named to the operator. */
export function nameHead(head: Pick<HeadClaim, 'size' | 'root'>): string {
  return `size ${head.size} root ${Buffer.from(head.root).toString('hex')}`;
}

/** The stored tree contradicts what was seen: nothing may be signed any more until an operator acts. */
export function halted(text: string): LogError {
  return new LogError('halted', 'log is temporarily unavailable', { detail: text });
}

/** A tree whose own rows are missing or do not lead to its root cannot be shown, or compared with anything. */
export function asContradiction(error: unknown): never {
  const isDamage = error instanceof LogError && error.code === 'internal';
  if (isDamage) throw halted(`the stored tiles do not lead to the head: ${error.detail ?? ''}`);
  throw error;
}

/**
 * Compares a head that was read with what this process knows to be true. Throws `halted` when it is below it, or
 * another tree of the same size. A larger head is not judged here: replay() does that.
 */
export function checkNotBehind(seen: Pick<HeadClaim, 'size' | 'root'>, read: Pick<HeadClaim, 'size' | 'root'>): void {
  const forked = read.size === seen.size && !equalHashes(read.root, seen.root);
  if (read.size >= seen.size && !forked) return;
  const what = forked ? 'is a fork of' : 'is below';
  throw halted(
    `the head in the database (${nameHead(read)}) ${what} the head this process has seen (${nameHead(seen)})`,
  );
}

/** Whether both name one tree. */
export function sameHead(a: Pick<HeadClaim, 'size' | 'root'>, b: Pick<HeadClaim, 'size' | 'root'>): boolean {
  return a.size === b.size && equalHashes(a.root, b.root);
}

/** Whether `a` says less than `b` does of one tree: it is smaller, or an earlier note of the same size. */
export function isOlder(a: Pick<StoredHead, 'size' | 'ordinal'>, b: Pick<StoredHead, 'size' | 'ordinal'>): boolean {
  return a.size < b.size || (a.size === b.size && a.ordinal < b.ordinal);
}

/** A stored note must carry our signature over exactly the stored head, or somebody else wrote it. Throws `halted`. */
export function checkHeadNote(personality: Personality, head: StoredHead): void {
  let same: boolean;
  try {
    const opened = personality.openHead(head.note);
    same = sameHead(opened, head);
  } catch (error) {
    throw halted(`the note stored for ${nameHead(head)} does not verify: ${String(error)}`);
  }
  if (!same) throw halted(`the note stored for ${nameHead(head)} says another head`);
}

/**
 * Grows an edge by what others appended and proves the result against their head: their tree is an extension of ours or
 * this throws `halted`.
 */
export function replay(
  edge: TreeEdge,
  appended: readonly Uint8Array[],
  head: Pick<HeadClaim, 'size' | 'root'>,
): TreeEdge {
  const grown = appended.length === 0 ? edge : edge.append(appended).edge;
  if (grown.size === head.size && equalHashes(grown.root(), head.root)) return grown;
  throw halted(
    `the head in the database (${nameHead(head)}) does not extend the head this process has seen (${nameHead({ size: edge.size, root: edge.root() })})`,
  );
}

/** Restores the edge of a head from stored hashes. Throws `halted` when they do not lead to its root. */
export function restoreEdge(hasher: TreeHasher, head: HeadClaim, partials: readonly Uint8Array[]): TreeEdge {
  try {
    return Edge.restore({ hasher, size: head.size, root: head.root, partials });
  } catch (cause) {
    throw halted(`the stored tiles do not lead to the stored head (${nameHead(head)}): ${String(cause)}`);
  }
}
