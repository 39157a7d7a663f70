import { type Pool, transaction } from '@sigstead/platform';
import type { SearchRebuilder } from '../core/search-index.ts';
import { SEGMENT_ENTRIES, type SearchRows, STORED_KEY_BYTES } from '../core/search-rows.ts';
import { joinBytes, type Row } from './rows.ts';

/** $2 keys, $3 places, $4 to $6 of each row: where its batch begins, where its places begin and how long they are. */
const WANTED = `
  select t.n, t.first_index, (t.first_index / ${SEGMENT_ENTRIES})::integer as segment,
         substring($2::bytea from ((t.n - 1) * ${STORED_KEY_BYTES} + 1)::integer for ${STORED_KEY_BYTES}) as key,
         substring($3::bytea from t.place_begin for t.place_length) as places
    from unnest($4::bigint[], $5::integer[], $6::integer[]) with ordinality as t (first_index, place_begin, place_length, n)`;

const STORED = `
  select 1 from log.search_keys k
   where k.log_id = $1 and k.segment = w.segment and k.key = w.key and k.first_index = w.first_index and k.places = w.places`;

const ADD = `
insert into log.search_keys (log_id, segment, key, first_index, places)
select $1, w.segment, w.key, w.first_index, w.places from (${WANTED}) w
 where not exists (${STORED})`;

const HOLDS = `select exists (${STORED}) as stored from (${WANTED}) w order by w.n`;

/** Makes the rows of one log again, through a pool that it does not own. Throws what the driver and transaction() throw. */
export function searchRebuilder(pool: Pool, logId: number): SearchRebuilder {
  return {
    add: ({ begin, end }, batches) =>
      transaction(pool, async (client) => {
        await client.query({ name: 'log_search_add', text: ADD, values: [logId, ...valuesOf(batches)] });
        await client.query({
          name: 'log_search_done',
          text: `insert into log.search_rebuilt (log_id, ordinal, begin_index, end_index)
                 select $1, coalesce(max(ordinal) + 1, 0), $2::bigint, $3::bigint from log.search_rebuilt where log_id = $1`,
          values: [logId, begin, end],
        });
      }),
    async holds(firstIndex, rows) {
      const values = [logId, ...valuesOf([{ firstIndex, rows }])];
      const found = await pool.query<Row>({ name: 'log_search_holds', text: HOLDS, values });
      return found.rows.map((row) => row['stored'] === true);
    },
  };
}

function valuesOf(batches: readonly { firstIndex: number; rows: SearchRows }[]): unknown[] {
  const firsts: number[] = [];
  const begins: number[] = [];
  let placesBefore = 0;
  for (const { firstIndex, rows } of batches) {
    for (const begin of rows.begins) {
      firsts.push(firstIndex);
      begins.push(placesBefore + begin);
    }
    placesBefore += rows.places.length;
  }
  return [
    joinBytes(batches.map(({ rows }) => rows.keys)),
    joinBytes(batches.map(({ rows }) => rows.places)),
    firsts,
    begins,
    batches.flatMap(({ rows }) => rows.lengths),
  ];
}
