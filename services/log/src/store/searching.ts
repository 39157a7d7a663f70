import type { Pool } from '@sigstead/platform';
import {
  type IndexRange,
  type KeyQuestion,
  type KeyRow,
  MOST_ROWS_OF_A_BATCH,
  type SearchIndex,
} from '../core/search-index.ts';
import { SEGMENT_ENTRIES } from '../core/search-rows.ts';
import { bytesOf, joinBytes, numberOf, type Row } from './rows.ts';

/**
 * In every segment the first batches that have the key, each once and only where it belongs, then the first of all. The limits
 * keep the plan: each step is a look into the index at a known place.
 */
const ROWS = `
with driver as materialized (
  select s as segment, r.first_index
    from generate_series($4::integer, $5::integer) s
   cross join lateral (
     select distinct first_index from log.search_keys
      where log_id = $1 and segment = s and key = $2::bytea
        and first_index >= greatest($6::bigint, s::bigint * ${SEGMENT_ENTRIES})
        and first_index < (s::bigint + 1) * ${SEGMENT_ENTRIES}
      order by first_index limit $7::integer) r
   order by r.first_index limit $7::integer
)
select d.first_index, k.key, k.places,
       coalesce((select entry_count from log.batches where log_id = $1 and first_index = d.first_index), 0) as entry_count
  from driver d
 cross join lateral (
   select key, places from log.search_keys
    where log_id = $1 and segment = d.segment and first_index = d.first_index and key = any($3::bytea[])
    limit ${MOST_ROWS_OF_A_BATCH + 1}) k
 order by d.first_index`;

const COUNT = `
select (select count(*)
          from (select 1 from generate_series($3::integer, $4::integer) s
                 cross join lateral (
                   select 1 from log.search_keys
                    where log_id = $1 and segment = s and key = wanted.key and first_index >= $5::bigint
                    limit $6::integer) r
                 limit $6::integer) found) as batches
  from unnest($2::bytea[]) with ordinality as wanted (key, n)
 order by wanted.n`;

const STORED_WITH = `
select min(first_index) as begin_index, max(first_index + entry_count) as end_index, max(first_index) as last,
       count(*) as batches
  from (select first_index, entry_count,
               count(*) filter (where is_new) over (order by first_index rows unbounded preceding) as run
          from (select first_index, entry_count,
                       first_index is distinct from lag(first_index + entry_count) over (order by first_index) as is_new
                  from (select first_index, entry_count from log.search_batches
                         where log_id = $1 and first_index >= $2::bigint
                         order by first_index limit $3::integer) page) marked) numbered
 group by run order by begin_index`;

/** The index of one log, through a pool that it does not own. Throws what the driver throws. */
export function searchIndex(pool: Pool, logId: number): SearchIndex {
  return {
    async size() {
      const text = 'select coalesce(max(size), 0) as size from log.heads where log_id = $1';
      const { rows } = await pool.query<Row>({ name: 'log_search_size', text, values: [logId] });
      return numberOf(rows[0] ?? {}, 'size');
    },
    async batchOf(index) {
      const { rows } = await pool.query<Row>({
        name: 'log_batch_of',
        text: 'select coalesce(max(first_index), 0) as batch from log.batches where log_id = $1 and first_index <= $2::bigint',
        values: [logId, index],
      });
      return numberOf(rows[0] ?? {}, 'batch');
    },
    async count(question) {
      const { keys, segments, fromBatch, most } = question;
      const values = [logId, buffers(keys), segments.first, segments.last, fromBatch, most];
      const { rows } = await pool.query<Row>({ name: 'log_search_count', text: COUNT, values });
      return rows.map((row) => numberOf(row, 'batches'));
    },
    rows: (question) => readKeyRows(pool, logId, question),
    async storedWith({ from, most }) {
      const values = [logId, from, most];
      const { rows } = await pool.query<Row>({ name: 'log_search_batches', text: STORED_WITH, values });
      const runs = rows.map(rangeOf);
      const [first] = runs;
      if (first === undefined) return undefined;
      const batches = rows.reduce((sum, row) => sum + numberOf(row, 'batches'), 0);
      const last = Math.max(...rows.map((row) => numberOf(row, 'last')));
      return { runs, first: first.begin, last, batches };
    },
    async rebuilt({ from, most }) {
      const { rows } = await pool.query<Row>({
        name: 'log_search_rebuilt',
        text: `select ordinal, begin_index, end_index from log.search_rebuilt
                where log_id = $1 and ordinal >= $2::bigint order by ordinal limit $3::integer`,
        values: [logId, from, most],
      });
      return rows.map((row) => ({ ...rangeOf(row), ordinal: numberOf(row, 'ordinal') }));
    },
  };
}

async function readKeyRows(
  pool: Pool,
  logId: number,
  { keys, driver, segments, fromBatch, most }: KeyQuestion & { driver: number; most: number },
): Promise<KeyRow[]> {
  const values = [logId, keys[driver], buffers(keys), segments.first, segments.last, fromBatch, most];
  const { rows } = await pool.query<Row>({ name: 'log_search_rows', text: ROWS, values });
  return rows.map((row) => ({
    firstIndex: numberOf(row, 'first_index'),
    entryCount: numberOf(row, 'entry_count'),
    key: bytesOf(row, 'key'),
    places: bytesOf(row, 'places'),
  }));
}

function rangeOf(row: Row): IndexRange {
  return { begin: numberOf(row, 'begin_index'), end: numberOf(row, 'end_index') };
}

/** The driver writes only its own kind of bytes into arrays. */
function buffers(keys: readonly Uint8Array[]): Buffer[] {
  return keys.map((key) => joinBytes([key]));
}
