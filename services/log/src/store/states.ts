import type { Pool } from '@sigstead/platform';
import { LogError } from '../core/errors.ts';
import { LIFE_STATES, type LifeState } from '../core/life.ts';
import { bytesOf, numberOf, type Row, textOf } from './rows.ts';

/** What the database says of a log, for the operator: one committed snapshot, nothing of it verified. */
export interface LogRow {
  logId: number;
  name: string;
  kind: string;
  origin: string;
  keySpki: Uint8Array;
  createdMs: number;
  size: number;
  root: Uint8Array;
  state: LifeState;
  /** When it came to that state, and with how many entries; undefined when it always was. */
  since: { timestampMs: number; size: number } | undefined;
}

/** Every log of the database, by name. */
export async function readLogRows(pool: Pool): Promise<LogRow[]> {
  const { rows } = await pool.query<Row>(
    `select l.log_id, l.name, l.kind, l.origin, l.key_spki, l.created_ms, h.size, h.root,
            s.state, s.created_ms as since_ms, s.size as since_size
       from log.logs l
       join lateral (select size, root from log.heads where log_id = l.log_id order by size desc limit 1) h on true
       left join lateral (select state, created_ms, size from log.states where log_id = l.log_id
                           order by ordinal desc limit 1) s on true
      order by l.name`,
  );
  return rows.map((row) => ({
    logId: numberOf(row, 'log_id'),
    name: textOf(row, 'name'),
    kind: textOf(row, 'kind'),
    origin: textOf(row, 'origin'),
    keySpki: bytesOf(row, 'key_spki'),
    createdMs: numberOf(row, 'created_ms'),
    size: numberOf(row, 'size'),
    root: bytesOf(row, 'root'),
    state: lifeStateOf(row['state']),
    since:
      row['state'] === null ? undefined : { timestampMs: numberOf(row, 'since_ms'), size: numberOf(row, 'since_size') },
  }));
}

/** Root of the head of that size, if there is one. */
export async function readHeadRootOf(pool: Pool, logId: number, size: number): Promise<Uint8Array | undefined> {
  const { rows } = await pool.query<Row>('select root from log.heads where log_id = $1 and size = $2::bigint', [
    logId,
    size,
  ]);
  return rows[0] === undefined ? undefined : bytesOf(rows[0], 'root');
}

/** A column that is null when the log never left its first state. A state we do not know is never taken for active. */
export function lifeStateOf(value: unknown): LifeState {
  if (value === null) return 'active';
  const state = LIFE_STATES.find((each) => each === value);
  if (state !== undefined) return state;
  throw new LogError('internal', 'internal error', { detail: 'the log is in a state that this release does not know' });
}
