import { LogError } from '../core/errors.ts';
import type { LogState } from '../core/state.ts';
import type { ReadSources } from './log-reader.ts';
import { lookForNews } from './resources.ts';

/** Looks once for news when `size` is more than what is published; throws `invalid_request` when it stays so. */
export async function stateCovering(
  log: ReadSources,
  size: number,
  refusal: (current: number) => LogError = (current) => tooSmall(size, 'for proof', current),
): Promise<LogState> {
  if (size > log.tree.published.head.size) await lookForNews(log);
  const state = log.tree.published;
  if (size <= state.head.size) return state;
  throw refusal(state.head.size);
}

/** SPEC: certificate-transparency-go, ctfe: the text of a question beyond the tree. */
export function tooSmall(size: number, what: 'for proof' | 'to get leaves', current: number): LogError {
  return new LogError('invalid_request', `need tree size: ${size} ${what} but only got: ${current}`);
}
