import type { Pool } from '@sigstead/platform';
import { LogError } from '../core/errors.ts';
import type { FullTile, HistoryRow, Peek } from '../core/ports.ts';
import { type LeafRecord, unpackRecords } from '../core/records.ts';
import { bytesOf, numberOf, type Row, splitHashes } from './rows.ts';
import { lifeStateOf } from './states.ts';

/** Rows of a page: bounds what one statement brings into memory. */
const BATCHES_PER_PAGE = 256;

export interface Range {
  begin: number;
  end: number;
}

/** The batch that holds `begin` and those after it that begin before `end`. */
const BATCHES = `
  from log.batches
 where log_id = $1
   and first_index >= (select max(first_index) from log.batches where log_id = $1 and first_index <= $2::bigint)
   and first_index < $3::bigint
 order by first_index limit ${BATCHES_PER_PAGE}`;

/** Leaf hashes [begin, end). Throws `internal` when the rows do not cover the range without a gap. */
export function readLeafHashes(pool: Pool, logId: number, range: Range): Promise<Uint8Array[]> {
  return readBatches(range, {
    page: async (begin) => {
      const text = `select first_index, entry_count, leaf_hashes ${BATCHES}`;
      return (await pool.query<Row>({ name: 'log_leaf_hashes', text, values: [logId, begin, range.end] })).rows;
    },
    entries: (row) => splitHashes(bytesOf(row, 'leaf_hashes')),
  });
}

/** Records [begin, end). Throws as readLeafHashes. */
export function readRecords(pool: Pool, logId: number, range: Range): Promise<LeafRecord[]> {
  return readBatches(range, {
    page: async (begin) => {
      const text = `select first_index, entry_count, records ${BATCHES}`;
      return (await pool.query<Row>({ name: 'log_records', text, values: [logId, begin, range.end] })).rows;
    },
    entries: (row) => unpackRecords(bytesOf(row, 'records'), numberOf(row, 'entry_count')),
  });
}

async function readBatches<T>(
  range: Range,
  source: { page: (begin: number) => Promise<Row[]>; entries: (row: Row) => T[] },
): Promise<T[]> {
  const found: T[] = [];
  let at = range.begin;
  while (at < range.end) {
    const rows = await source.page(at);
    if (rows.length === 0) throw gap(at);
    for (const row of rows) {
      const first = numberOf(row, 'first_index');
      const entries = source.entries(row);
      if (first > at || first + entries.length <= at) throw gap(at);
      const wanted = entries.slice(at - first, range.end - first);
      for (const entry of wanted) found.push(entry);
      at += wanted.length;
    }
  }
  return found;
}

function gap(at: number): LogError {
  return new LogError('internal', 'internal error', { detail: `stored batches have no entry ${at}` });
}

export async function readTiles(
  pool: Pool,
  logId: number,
  at: { level: number; indexes: readonly number[] },
): Promise<FullTile[]> {
  const { rows } = await pool.query<Row>({
    name: 'log_tiles',
    text: `select tile_index, hashes, root from log.tiles
            where log_id = $1 and level = $2 and tile_index = any($3::bigint[])`,
    values: [logId, at.level, at.indexes],
  });
  return rows.map((row) => ({
    level: at.level,
    index: numberOf(row, 'tile_index'),
    hashes: bytesOf(row, 'hashes'),
    root: bytesOf(row, 'root'),
  }));
}

/** Roots of the full tiles [begin, end) of a level. Throws `internal` when one is missing. */
export async function readTileRoots(pool: Pool, logId: number, level: number, range: Range): Promise<Uint8Array[]> {
  const { rows } = await pool.query<Row>({
    name: 'log_tile_roots',
    text: `select root from log.tiles
            where log_id = $1 and level = $2 and tile_index >= $3::bigint and tile_index < $4::bigint
            order by tile_index`,
    values: [logId, level, range.begin, range.end],
  });
  if (rows.length !== range.end - range.begin) {
    throw new LogError('internal', 'internal error', { detail: `tiles missing on level ${level} from ${range.begin}` });
  }
  return rows.map((row) => bytesOf(row, 'root'));
}

export async function peek(pool: Pool, logId: number, size: number): Promise<Peek> {
  const { rows } = await pool.query<Row>({
    name: 'log_peek',
    text: `select h.size, n.ordinal, pg_is_in_recovery() as standby,
                  (select root from log.heads where log_id = $1 and size = $2::bigint) as root,
                  (select state from log.states where log_id = $1 order by ordinal desc limit 1) as state
             from (select size from log.heads where log_id = $1 order by size desc limit 1) h
             join lateral (select ordinal from log.notes where log_id = $1 and size = h.size
                            order by ordinal desc limit 1) n on true`,
    values: [logId, size],
  });
  const row = rows[0] ?? {};
  return {
    size: numberOf(row, 'size'),
    ordinal: numberOf(row, 'ordinal'),
    root: row['root'] === null ? undefined : bytesOf(row, 'root'),
    standby: row['standby'] === true,
    state: lifeStateOf(row['state']),
  };
}

export async function findLeafIndex(pool: Pool, logId: number, leafHash: Uint8Array): Promise<number | undefined> {
  const { rows } = await pool.query<Row>({
    name: 'log_find_leaf',
    text: 'select entry_index from log.leaf_hashes where log_id = $1 and leaf_hash = $2',
    values: [logId, leafHash],
  });
  const row = rows[0];
  return row === undefined ? undefined : numberOf(row, 'entry_index');
}

export async function readHistory(
  pool: Pool,
  logId: number,
  page: { afterSize: number; limit: number },
): Promise<HistoryRow[]> {
  const { rows } = await pool.query<Row>({
    name: 'log_history',
    text: `select h.previous_size, h.size, h.root, h.created_ms,
                  array(select n.note from log.notes n where n.log_id = h.log_id and n.size = h.size
                         order by n.ordinal) as notes
             from log.heads h
            where h.log_id = $1 and h.previous_size >= $2::bigint
            order by h.previous_size limit $3::integer`,
    values: [logId, page.afterSize, page.limit],
  });
  return rows.map((row) => ({
    previousSize: numberOf(row, 'previous_size'),
    size: numberOf(row, 'size'),
    root: bytesOf(row, 'root'),
    timestampMs: numberOf(row, 'created_ms'),
    notes: row['notes'] as Uint8Array[],
  }));
}
