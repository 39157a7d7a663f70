import type { Pool, PoolClient } from 'pg';
import { DatabaseError, sqlState } from './errors.ts';

/** SPEC: PostgreSQL isolation levels, as written in BEGIN. */
export type Isolation = 'read committed' | 'repeatable read' | 'serializable';

/**
 * Runs `fn` in one transaction on a connection of its own and resolves only after COMMIT was acknowledged. An error of
 * `fn` rolls back and is thrown on. Nothing is retried here.
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
    await rollBack(client);
    throw error;
  }
  await commit(client);
  return result;
}

async function rollBack(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK');
    client.release();
  } catch {
    // The connection is of no use any more; the server rolls back when it ends.
    client.release(true);
  }
}

async function commit(client: PoolClient): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query('COMMIT'));
  } catch (error) {
    client.release(true);
    // A deferred constraint or a serialization failure is a definite no; anything else leaves the outcome open.
    if (/^(23|40)/.test(sqlState(error) ?? '') && sqlState(error) !== '40003') throw error;
    throw new DatabaseError('commit_unknown', 'the answer to COMMIT was lost', error);
  }
  client.release();
  if (command !== 'COMMIT') throw new DatabaseError('rolled_back', `COMMIT was answered with ${command}`);
}
