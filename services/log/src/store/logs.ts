import { isUniqueViolation, type Pool, transaction, unfitness } from '@sigstead/platform';
import { LogError } from '../core/errors.ts';
import type { LogKind, StoredHead } from '../core/ports.ts';
import { bytesOf, numberOf, type Row, textOf } from './rows.ts';

/** What a log is, for ever: changing any of it makes another log. */
export interface LogIdentity {
  name: string;
  origin: string;
  kind: LogKind;
  keySpki: Uint8Array;
  /** ct: whether its entries name their own index. Default false. */
  leafIndex?: boolean;
}

/**
 * Creates the log and its genesis head (size 0) with the note made for it, in one transaction; resolves with its id.
 * A log of that name that is the same already is left as it is and its id returned, so creation may be repeated.
 * Throws `misconfigured` when it is another one, or when another log has its key or its origin.
 */
export async function createLog(pool: Pool, log: LogIdentity, genesis: Omit<StoredHead, 'ordinal'>): Promise<number> {
  const creating = transaction(pool, async (client) => {
    const made = await client.query<Row>(
      `insert into log.logs (name, origin, kind, key_spki, leaf_index, created_ms) values ($1, $2, $3, $4, $5, $6)
       on conflict (name) do nothing returning log_id`,
      [log.name, log.origin, log.kind, log.keySpki, log.leafIndex ?? false, genesis.timestampMs],
    );
    const row = made.rows[0];
    // A concurrent creator of the same name has committed by now: its row is visible to a new statement.
    if (row === undefined) return checkedId(await readLog((text, values) => client.query<Row>(text, values), log), log);
    const logId = numberOf(row, 'log_id');
    await client.query('insert into log.locks (log_id) values ($1)', [logId]);
    await client.query(
      'insert into log.heads (log_id, previous_size, size, root, created_ms) values ($1, -1, 0, $2, $3)',
      [logId, genesis.root, genesis.timestampMs],
    );
    await client.query('insert into log.notes (log_id, size, ordinal, created_ms, note) values ($1, 0, 0, $2, $3)', [
      logId,
      genesis.timestampMs,
      genesis.note,
    ]);
    return logId;
  });
  return creating.catch((error: unknown) => {
    throw takenBy(error, log) ?? error;
  });
}

/** Throws `misconfigured` when another log has the key or the origin: two trees under them would be a fork. */
export async function refuseTaken(pool: Pool, log: LogIdentity): Promise<void> {
  const { rows } = await pool.query<Row>(
    // One of the same name was made by somebody at the same time: createLog() compares it.
    `select key_spki = $1 as same_key from log.logs
      where (key_spki = $1 or (origin = $2 and kind = $3)) and name <> $4`,
    [log.keySpki, log.origin, log.kind, log.name],
  );
  if (rows.length > 0) throw taken(log, rows.some((row) => row['same_key'] === true) ? 'key' : 'origin');
}

/** The constraints say the same to two who create at once. */
function takenBy(error: unknown, log: LogIdentity): LogError | undefined {
  if (isUniqueViolation(error, 'logs_key_spki_key')) return taken(log, 'key');
  if (isUniqueViolation(error, 'logs_origin_kind_key')) return taken(log, 'origin');
  return undefined;
}

function taken(log: LogIdentity, what: 'key' | 'origin'): LogError {
  const named = what === 'key' ? 'key' : `origin "${log.origin}"`;
  return misconfigured(`log "${log.name}" has the ${named} of another log`);
}

/** The id of an existing log. Throws `misconfigured` when there is none of that name, or it is another one. */
export async function findLog(pool: Pool, log: LogIdentity): Promise<number> {
  return checkedId(await readLog((text, values) => pool.query<Row>(text, values), log), log);
}

/** Whether a log of that name exists, whatever it is. */
export async function logExists(pool: Pool, name: string): Promise<boolean> {
  const { rows } = await pool.query<Row>('select 1 from log.logs where name = $1', [name]);
  return rows.length > 0;
}

type RunQuery = (text: string, values: unknown[]) => Promise<{ rows: Row[] }>;

async function readLog(query: RunQuery, log: LogIdentity): Promise<Row | undefined> {
  const { rows } = await query('select log_id, origin, kind, key_spki, leaf_index from log.logs where name = $1', [
    log.name,
  ]);
  return rows[0];
}

function checkedId(row: Row | undefined, log: LogIdentity): number {
  if (row === undefined) {
    throw misconfigured(`there is no log "${log.name}" in the database; creating one is an explicit act`);
  }
  const differs = [
    textOf(row, 'origin') === log.origin ? '' : `origin "${textOf(row, 'origin')}"`,
    textOf(row, 'kind') === log.kind ? '' : `kind "${textOf(row, 'kind')}"`,
    Buffer.compare(bytesOf(row, 'key_spki'), log.keySpki) === 0 ? '' : 'another key',
    row['leaf_index'] === (log.leafIndex ?? false) ? '' : `leafIndex ${String(row['leaf_index'])}`,
  ].filter((difference) => difference !== '');
  if (differs.length > 0) throw misconfigured(`log "${log.name}" was made with ${differs.join(', ')}`);
  return numberOf(row, 'log_id');
}

function misconfigured(text: string): LogError {
  return new LogError('misconfigured', text);
}

/** Why the server's settings may lose what it acknowledged; undefined when they do not. */
export async function unsafeSettings(pool: Pool): Promise<string | undefined> {
  return (await unfitness(pool, { primary: false, writes: false, durable: true }))?.reason;
}
