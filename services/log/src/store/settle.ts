import { StoreError } from '../core/errors.ts';
import type { SettledView, StoredHead } from '../core/ports.ts';
import { bytesOf, numberOf, type Row } from './rows.ts';
import { lockingBegin } from './sequencing.ts';
import type { Session } from './session.ts';

const HEAD_COLUMNS = 'h.size, h.root, n.created_ms, n.note, n.ordinal';

/** The newest head and, beside it, the one that follows a given size; each with its newest note. */
const SETTLE = `
select 'head' as what, ${HEAD_COLUMNS}
  from (select log_id, size, root from log.heads where log_id = $1 order by size desc limit 1) h
  join lateral (select created_ms, note, ordinal from log.notes where log_id = h.log_id and size = h.size
                 order by ordinal desc limit 1) n on true
union all
select 'successor', ${HEAD_COLUMNS}
  from log.heads h
  join lateral (select created_ms, note, ordinal from log.notes where log_id = h.log_id and size = h.size
                 order by ordinal asc limit 1) n on true
 where h.log_id = $1 and h.previous_size = $2::bigint`;

/**
 * Reads the head so that it can be believed: behind the log's lock, so no transaction of unknown outcome is still
 * running, in a statement of its own, and only once the COMMIT of this very transaction is acknowledged. A plain SELECT
 * would also show a row that a fail-over then loses. Taking the row lock makes the transaction a writing one, so its
 * COMMIT waits for whatever the batch's COMMIT waits for.
 */
export async function settleHead(session: Session, logId: number, afterSize: number): Promise<SettledView> {
  await session.open();
  try {
    await session.run(lockingBegin(logId));
    const { rows } = await session.run({ name: 'log_settle', text: SETTLE, values: [logId, afterSize] });
    await session.commit();
    return toView(rows);
  } catch (error) {
    await session.rollback();
    throw error;
  }
}

/** Root of the head of that size, as committed on this server now. Throws StoreError. */
export async function readHeadRoot(session: Session, logId: number, size: number): Promise<Uint8Array | undefined> {
  await session.open();
  const text = 'select root from log.heads where log_id = $1 and size = $2::bigint';
  const { rows } = await session.run({ name: 'log_head_root', text, values: [logId, size] });
  return rows[0] === undefined ? undefined : bytesOf(rows[0], 'root');
}

function toView(rows: readonly Row[]): SettledView {
  const head = rows.find((row) => row['what'] === 'head');
  const successor = rows.find((row) => row['what'] === 'successor');
  if (head === undefined) throw new StoreError('refused', 'the log has no head');
  return { head: toHead(head), successor: successor === undefined ? undefined : toHead(successor) };
}

function toHead(row: Row): StoredHead {
  return {
    size: numberOf(row, 'size'),
    root: bytesOf(row, 'root'),
    timestampMs: numberOf(row, 'created_ms'),
    note: bytesOf(row, 'note'),
    ordinal: numberOf(row, 'ordinal'),
  };
}
