import type { Pool } from '@sigstead/platform';
import type { RowCounts } from '../core/fsck-report.ts';
import type { LogKind } from '../core/ports.ts';
import { bytesOf, numberOf, type Row, textOf } from './rows.ts';

/** A log as its row has it. */
export interface StoredLog {
  logId: number;
  name: string;
  origin: string;
  kind: LogKind;
  keySpki: Uint8Array;
  leafIndex: boolean;
}

/** Every log of a database, by name. */
export async function listLogs(pool: Pool): Promise<StoredLog[]> {
  // A database that is not migrated yet has no such column: it can be checked all the same.
  const { rows } = await pool.query<Row>(
    `select log_id, name, origin, kind, key_spki, to_jsonb(l) -> 'leaf_index' = 'true' as leaf_index
       from log.logs l order by name`,
  );
  return rows.map((row) => ({
    logId: numberOf(row, 'log_id'),
    name: textOf(row, 'name'),
    origin: textOf(row, 'origin'),
    kind: textOf(row, 'kind') as LogKind,
    keySpki: bytesOf(row, 'key_spki'),
    leafIndex: row['leaf_index'] === true,
  }));
}

/** How many rows of each kind one log has, in one snapshot. Reads whole indexes: for the checker. */
export async function countRows(pool: Pool, logId: number): Promise<RowCounts> {
  const { rows } = await pool.query<Row>(
    `select (select coalesce(max(size), 0) from log.heads where log_id = $1) as size,
            (select count(*) from log.heads where log_id = $1) as heads,
            (select count(*) from log.notes where log_id = $1) as notes,
            (select count(*) from log.batches where log_id = $1) as batches,
            (select count(*) from log.tiles where log_id = $1) as tiles,
            (select count(*) from log.identities where log_id = $1) as identities,
            (select count(*) from log.leaf_hashes where log_id = $1) as leaf_hashes`,
    [logId],
  );
  const row = rows[0] ?? {};
  return {
    size: numberOf(row, 'size'),
    heads: numberOf(row, 'heads'),
    notes: numberOf(row, 'notes'),
    batches: numberOf(row, 'batches'),
    tiles: numberOf(row, 'tiles'),
    identities: numberOf(row, 'identities'),
    leafHashes: numberOf(row, 'leaf_hashes'),
  };
}
