export type DatabaseErrorCode =
  /** The database holds a migration that this program does not know: it belongs to a newer release. */
  | 'schema_newer'
  /** A migration that was applied has another text now, or another order. */
  | 'schema_changed'
  /** The text of a migration failed; nothing of this run was kept. */
  | 'migration_failed'
  /** COMMIT ended in an error, a notice or a lost connection: the transaction may or may not have happened. */
  | 'commit_unknown'
  /** COMMIT was answered with a rollback: nothing happened. */
  | 'rolled_back'
  /** The connection string cannot be understood. */
  | 'bad_address'
  /** No server of the list is a primary that lets us in. */
  | 'no_primary'
  /** The primary's settings may lose what it acknowledges. */
  | 'unsafe_settings'
  /** Every connection is in use and enough callers wait, or none became free in time: nothing was sent. */
  | 'pool_busy';

export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;

  constructor(code: DatabaseErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DatabaseError';
    this.code = code;
  }
}

/** The SQLSTATE of an error that the server sent, else undefined. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether the error is a broken unique constraint, of that name if given. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (sqlState(error) !== '23505') return false;
  return constraint === undefined || (error as { constraint?: unknown }).constraint === constraint;
}
