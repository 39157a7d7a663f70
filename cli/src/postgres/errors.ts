export type EmbeddedPostgresErrorCode =
  /** The unprivileged account PostgreSQL runs under cannot enter the data folder. */
  | 'data_unreachable'
  /** Another live instance has the data folder. */
  | 'data_in_use'
  /** The data folder cannot be written, or belongs to another account. */
  | 'data_not_writable'
  /** PostgreSQL cannot work under a path with such characters. */
  | 'data_path_unusable'
  /** The data was written by another major version of PostgreSQL. */
  | 'data_other_version'
  /** There is no account PostgreSQL could run under. */
  | 'account_missing'
  /** No PostgreSQL programs for this machine are installed. */
  | 'programs_missing'
  /** PostgreSQL or initdb ended with an error; the log file says more. */
  | 'start_failed'
  /** PostgreSQL is still there after both kinds of shutdown. */
  | 'stop_failed';

/** The message is one line that says what to do. */
export class EmbeddedPostgresError extends Error {
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'EmbeddedPostgresError';
    this.code = code;
  }
}
