import { LogError } from './errors.ts';

/**
 * What a log does with entries, for all its processes. Active: takes them. Read-only: takes none, until it is
 * made active again; a kind whose heads must not grow old still signs the standing one anew. Frozen: takes none for ever, and
 * its last note is signed.
 */
export type LifeState = (typeof LIFE_STATES)[number];
export const LIFE_STATES = ['active', 'read-only', 'frozen'] as const;

/** Throws `read_only` unless the log takes entries. */
export function assertActive(state: LifeState): void {
  if (state !== 'active') throw closedBy(state);
}

/** The answer to entries of a log in that state. */
export function closedBy(state: Exclude<LifeState, 'active'>): LogError {
  return new LogError('read_only', `log is ${state}`);
}
