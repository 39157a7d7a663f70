import { clientFrom, downloadTarget, type RefreshedState, refreshClient } from './client-check.ts';
import { lintPublication } from './lint.ts';
import { type PublishedSet, viewOf } from './published.ts';
import { TufError } from './errors.ts';

/**
 * Goes through a set the way clients will, before anybody sees it: a new client from the first root, and one that holds everything of the
 * set before. Every target is downloaded. Throws TufError; nothing of the set may then leave the process.
 */
export function selfCheck(candidate: PublishedSet, before: PublishedSet | undefined, nowMs: number): void {
  const first = candidate.roots[0];
  if (!first) throw new TufError('lint', 'no first root');
  const view = viewOf(candidate);
  const fresh = refreshClient(clientFrom(first.bytes), view, nowMs);
  for (const name of Object.keys(fresh.targets.targets)) downloadTarget(fresh.targets, name, view);
  if (before) refreshClient(upToDateClient(before), view, nowMs);
  lintPublication(candidate);
}

/** A client that refreshed when the set was new: expiry since then does not matter to what it remembers. */
export function upToDateClient(set: PublishedSet): RefreshedState {
  const first = set.roots[0];
  if (!first) throw new TufError('lint', 'no first root');
  return refreshClient(clientFrom(first.bytes), viewOf(set), Number.NEGATIVE_INFINITY);
}
