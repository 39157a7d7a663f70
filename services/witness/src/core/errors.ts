/**
 * Why a checkpoint gets no cosignature although we could give one. The set is closed; the http room maps it to statuses.
 * - `malformed`       no add-checkpoint request
 * - `old_beyond`      the old size is above the checkpoint's
 * - `unknown_log`     nobody configured this origin
 * - `not_signed`      no signature of a key of this log, or one that does not verify
 * - `stale`           the old size is not the one of the latest cosigned checkpoint
 * - `empty_root`      size 0 with another root than the empty tree's
 * - `bad_proof`       the proof does not lead from the latest cosigned checkpoint to this one
 * - `other_root`      the size of the latest cosigned checkpoint with another root: the log has forked
 */
export type RefusalCode =
  | 'malformed'
  | 'old_beyond'
  | 'unknown_log'
  | 'not_signed'
  | 'stale'
  | 'empty_root'
  | 'bad_proof'
  | 'other_root';

/**
 * Why we cannot answer now.
 * - `busy`            too many requests under way
 * - `halted`          the state of this log contradicts itself: nothing is cosigned until an operator has looked
 * - `unavailable`     state could not be read or made durable, or the key could not sign
 * - `clock_behind`    the clock is too far behind the latest cosignature
 */
export type OutageCode = 'busy' | 'halted' | 'unavailable' | 'clock_behind';

/** An answer that is not given. `message` is for the operator. */
export class Outage extends Error {
  readonly code: OutageCode;

  constructor(code: OutageCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Outage';
    this.code = code;
  }
}

export type WitnessSetupCode =
  /** the folder is no state of a witness: it was not made by `init`, or is another one */
  | 'state_missing'
  /** the state belongs to another name or key */
  | 'state_foreign'
  | 'state_in_use'
  | 'state_unwritable'
  | 'key_unusable'
  | 'logs_contradict';

/** The witness does not start. `message` is one line for the operator and says what to do. */
export class WitnessSetupError extends Error {
  readonly code: WitnessSetupCode;

  constructor(code: WitnessSetupCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WitnessSetupError';
    this.code = code;
  }
}
