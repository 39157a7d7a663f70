/**
 * Every way the log refuses or fails. The set is closed; each http room maps it to its wire format.
 *
 * - `entry_refused`      the entry breaks a rule of its personality; message is the client's text
 * - `entry_too_large`    its leaf could not be stored or served
 * - `queue_full`         back-pressure: nothing was sequenced, no index was used
 * - `read_only`          the operator closed the log for writing
 * - `halted`             the log stopped by itself because the stored tree contradicts what was seen; sticky
 * - `closing`            the process is going away; nothing was sequenced
 * - `unavailable`        the database, the signer or the clock failed; a retry may succeed
 * - `deadline`           the caller's time is over; the entry may or may not be in the log
 * - `cancelled`          the caller went away; same
 * - `not_found`          beyond the tree, or never published
 * - `invalid_request`    a read request with impossible parameters
 * - `misconfigured`      the log in the database is another one than the one asked for
 * - `internal`           a rule of ours was broken; nothing was acknowledged
 */
export type LogErrorCode =
  | 'entry_refused'
  | 'entry_too_large'
  | 'queue_full'
  | 'read_only'
  | 'halted'
  | 'closing'
  | 'unavailable'
  | 'deadline'
  | 'cancelled'
  | 'not_found'
  | 'invalid_request'
  | 'misconfigured'
  | 'internal';

/** SPEC: rekor-tiles, the text of back-pressure: clients wait for it. */
export const PUSHBACK_TEXT = 'reached max pushback; retry';

/** The error of this service. `message` may reach a client, `detail` and `cause` only the operator. */
export class LogError extends Error {
  override readonly name = 'LogError';
  readonly code: LogErrorCode;
  readonly detail: string | undefined;

  constructor(code: LogErrorCode, message: string, options: { detail?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
  }
}

/** What went wrong at the store port, in the only terms that matter to a sequencer: may the batch have been stored? */
export type StoreErrorCode =
  /** Certainly not stored: another head took the place. */
  | 'conflict'
  /** Certainly not stored: the database refused a statement. */
  | 'refused'
  /** Certainly not stored: the session ended before COMMIT was sent. */
  | 'lost'
  /** COMMIT was sent and its outcome is not known. */
  | 'unknown';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  /** Whether the data of some entry may be the reason, so that a smaller batch may pass. */
  readonly dataFault: boolean;

  constructor(code: StoreErrorCode, message: string, options: { cause?: unknown; dataFault?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.dataFault = options.dataFault ?? false;
  }
}
