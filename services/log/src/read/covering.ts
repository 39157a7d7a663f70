import { LogError } from '../core/errors.ts';
import type { LogState } from '../core/state.ts';
import type { ReadSources } from './log-reader.ts';
import { lookForNews } from './resources.ts';

/** Looks once for news when `size` is more than what is published; throws `invalid_request` when it stays so. */
export async function stateCovering(log: ReadSources, size: number): Promise<LogState> {
  if (size > log.tree.published.head.size) await lookForNews(log);
  const state = log.tree.published;
  if (size <= state.head.size) return state;
  throw new LogError('invalid_request', `need tree size: ${size} for proof but only got: ${state.head.size}`);
}
