import type { Head } from './judge.ts';

/** How far a log was cosigned, kept away from the state. */
export interface Mark extends Head {
  readonly timestampSec: number;
}

/** What was found of one log; nothing is verified yet. */
export interface StoredState {
  /** The note of the latest cosigned checkpoint. */
  readonly latest: string | undefined;
  /** Notes of some that were cosigned before, oldest first; what cannot be read is left out. */
  readonly earlier: readonly string[];
  /** Whether a checkpoint of this log was ever cosigned. */
  readonly hasCosigned: boolean;
  /** Undefined when there is none, or no place for it is configured. */
  readonly mark: Mark | undefined;
}

/**
 * The state of one log. One owner at a time: the folder is locked by the process. Not for concurrent calls. Everything
 * rejects with the file system's error, or with Outage `halted` for what can be no state.
 */
export interface LogStore {
  load(): Promise<StoredState>;
  /**
   * Makes a note the latest, durably: state first, then the mark. When it rejects, either note may be there after a
   * crash: the caller loads again before it believes anything.
   */
  save(note: string, mark: Mark): Promise<void>;
  /** Adds a note to the history, after it was saved. Not durable: lost lines lose evidence, never consistency. */
  remember(note: string): Promise<void>;
  /** Keeps two notes of a log that cannot both be right, durably. `full`: enough are kept already. */
  keepEvidence(pair: { name: string; cosigned: string; submitted: string }): Promise<'kept' | 'known' | 'full'>;
}
