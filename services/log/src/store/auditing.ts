import type { Pool } from '@sigstead/platform';
import { identityKey, type StoredBatch } from '../core/ports.ts';
import { bytesOf, joinBytes, numberOf, type Row } from './rows.ts';

/** Rows that are looked at for one page, however small they are. */
const BATCHES_PER_PAGE = 256;

/** Hashes looked up with one statement. */
const HASHES_PER_LOOKUP = 4096;

/** As LogStore.batches: how long a value is, the server knows without reading it. */
export async function readStoredBatches(
  pool: Pool,
  logId: number,
  { from, maxBytes }: { from: number; maxBytes: number },
): Promise<StoredBatch[]> {
  const { rows } = await pool.query<Row>({
    name: 'log_stored_batches',
    text: `select first_index, entry_count, leaf_hashes, records
             from (select first_index, entry_count, leaf_hashes, records,
                          row_number() over w as place, sum(octet_length(records)) over w as bytes
                     from (select first_index, entry_count, leaf_hashes, records from log.batches
                            where log_id = $1 and first_index >= $2::bigint
                            order by first_index limit ${BATCHES_PER_PAGE}) page
                   window w as (order by first_index)) counted
            where place = 1 or bytes <= $3::bigint
            order by first_index`,
    values: [logId, from, maxBytes],
  });
  return rows.map((row) => ({
    firstIndex: numberOf(row, 'first_index'),
    entryCount: numberOf(row, 'entry_count'),
    leafHashes: bytesOf(row, 'leaf_hashes'),
    records: bytesOf(row, 'records'),
  }));
}

const LOOKUPS = {
  identities: 'select identity as hash, entry_index from log.identities where log_id = $1 and identity = any(array(',
  leaf_hashes:
    'select leaf_hash as hash, entry_index from log.leaf_hashes where log_id = $1 and leaf_hash = any(array(',
} as const;

/** As LogStore.indexesOf: each by its key, so the work is that of the hashes asked for, not of the table. */
export async function readIndexes(
  pool: Pool,
  logId: number,
  { table, hashes }: { table: keyof typeof LOOKUPS; hashes: readonly Uint8Array[] },
): Promise<(number | undefined)[]> {
  const found = new Map<string, number>();
  for (let at = 0; at < hashes.length; at += HASHES_PER_LOOKUP) {
    const part = hashes.slice(at, at + HASHES_PER_LOOKUP);
    const { rows } = await pool.query<Row>({
      name: `log_indexes_of_${table}`,
      text: `${LOOKUPS[table]}select substring($2::bytea from n * 32 + 1 for 32) from generate_series(0, $3::integer - 1) n))`,
      values: [logId, joinBytes(part), part.length],
    });
    for (const row of rows) found.set(identityKey(bytesOf(row, 'hash')), numberOf(row, 'entry_index'));
  }
  return hashes.map((hash) => found.get(identityKey(hash)));
}
