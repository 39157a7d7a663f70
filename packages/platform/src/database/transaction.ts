import type { Pool, PoolClient, QueryConfig, QueryResult, QueryResultRow } from 'pg';
import { DatabaseError, sqlState } from './errors.ts';

/** SPEC: PostgreSQL isolation levels, as written in BEGIN. */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

/**
 * Runs `fn` in one transaction on a connection of its own and resolves only after COMMIT was acknowledged without a
 * notice: a cancelled wait for a synchronous standby is reported as success with a warning. An error of `fn` rolls back
 * and is thrown on. Nothing is retried here.
 * @throws {DatabaseError} `commit_unknown` when the answer to COMMIT is lost, `rolled_back` when the server undid it
 */
export async function transaction<T>(
  pool: Pool,
  fn: (client: PoolClient) => Promise<T>,
  isolation: Isolation = 'read committed',
): Promise<T> {
  const client = await pool.connect();
  let result: T;
  try {
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
    result = await fn(client);
  } catch (error) {
    await rollBack(client, error);
    throw error;
  }
  const { command } = await settled(pool, client, () => client.query('COMMIT'));
  if (command !== 'COMMIT') throw new DatabaseError('rolled_back', `COMMIT was answered with ${command}`);
  return result;
}

/**
 * Runs one writing statement, which is its own transaction, and resolves only after that was acknowledged as COMMIT is in
 * transaction(). Throws the driver's error when the server refused it.
 * @throws {DatabaseError} `commit_unknown`
 */
export async function writeStatement<R extends QueryResultRow>(
  pool: Pool,
  statement: QueryConfig,
): Promise<QueryResult<R>> {
  const client = await pool.connect();
  return settled(pool, client, () => client.query<R>(statement));
}

async function rollBack(client: PoolClient, error: unknown): Promise<void> {
  try {
    // Behind a statement that never answered, ROLLBACK would wait as long again.
    if (isSilence(error)) throw error;
    await client.query('ROLLBACK');
    client.release();
  } catch {
    // The connection is of no use any more; the server rolls back when it ends.
    client.release(true);
  }
}

/** What commits is sent, and the client given back. */
async function settled<R extends QueryResultRow>(
  pool: Pool,
  client: PoolClient,
  send: () => Promise<QueryResult<R>>,
): Promise<QueryResult<R>> {
  let noticed = false;
  const onNotice = (): void => {
    noticed = true;
  };
  client.on('notice', onNotice);
  let result: QueryResult<R>;
  try {
    result = await send();
  } catch (error) {
    const state = sqlState(error);
    // A constraint or a serialization failure is a definite no, and so is any refusal of a statement.
    const refused = state !== undefined && state !== '40003' && !/^(?:08|57|58|XX)/.test(state);
    client.release(!refused);
    if (refused) throw error;
    if (isSilence(error)) abandon(pool, client);
    throw new DatabaseError('commit_unknown', 'the answer to COMMIT was lost', error);
  } finally {
    client.removeListener('notice', onNotice);
  }
  client.release(noticed);
  if (noticed) throw new DatabaseError('commit_unknown', 'COMMIT came with a notice: a standby may lack it');
  return result;
}

/** Our own deadline, as the driver words it: it has no code for it. */
function isSilence(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/**
 * A COMMIT that waits for a standby waits on when its client has gone, and keeps its place on the server: many of them
 * would take all there are. What it wrote is unknown to us either way.
 */
function abandon(pool: Pool, client: PoolClient): void {
  const { processID } = client as unknown as { processID?: number };
  if (processID === undefined || pool.ending) return;
  pool.query('select pg_cancel_backend($1)', [processID]).catch(() => undefined);
}
