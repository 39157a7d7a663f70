import { StoreError } from '../core/errors.ts';
import {
  type BatchRows,
  identityKey,
  type LockedView,
  type SequencingTransaction,
  type StoredHead,
} from '../core/ports.ts';
import type { LifeState } from '../core/life.ts';
import { packRecords } from '../core/records.ts';
import { SEGMENT_ENTRIES, searchRows, type SearchRows, STORED_KEY_BYTES } from '../core/search-rows.ts';
import { insertIssuers } from './issuers.ts';
import { bytesOf, joinBytes, numberOf, type Row, splitHashes } from './rows.ts';
import type { Session } from './session.ts';
import { lifeStateOf } from './states.ts';

/** Leaf hashes that may be brought under the lock for a process that is a little behind: 16 batches. */
const APPENDED_BATCHES = 16;

/**
 * A statement of its own after the lock: its snapshot is younger than the lock, so it sees every head before ours.
 * Duplicates are found by index from one packed parameter.
 */
const LOOK = `
select h.size, h.root,
  n.created_ms, n.note, n.ordinal,
  (select state from log.states where log_id = $1 order by ordinal desc limit 1) as state,
  (select string_agg(b.leaf_hashes, ''::bytea order by b.first_index)
     from (select first_index, leaf_hashes from log.batches
            where log_id = $1 and first_index >= $4::bigint and $4::bigint < h.size
            order by first_index limit ${APPENDED_BATCHES}) b) as appended,
  (select string_agg(i.identity || int8send(i.entry_index), ''::bytea)
     from log.identities i
    where $3::integer > 0 and i.log_id = $1
      and i.identity = any(array(
        select substring($2::bytea from n * 32 + 1 for 32) from generate_series(0, $3::integer - 1) n))) as known
from (select size, root from log.heads where log_id = $1 order by size desc limit 1) h
join lateral (select created_ms, note, ordinal from log.notes where log_id = $1 and size = h.size
               order by ordinal desc limit 1) n on true`;

/** All rows of a batch in one statement. The head's primary key is the compare-and-swap, with or without the lock. */
const INSERT = `
with head as (
  insert into log.heads (log_id, previous_size, size, root, created_ms)
  values ($1, $2::bigint, $3::bigint, $4::bytea, $5::bigint) returning 1
), note as (
  insert into log.notes (log_id, size, ordinal, created_ms, note)
  values ($1, $3::bigint, 0, $5::bigint, $6::bytea) returning 1
), batch as (
  insert into log.batches (log_id, first_index, entry_count, leaf_hashes, records)
  values ($1, $2::bigint, ($3::bigint - $2::bigint)::integer, $7::bytea, $8::bytea) returning 1
), tile as (
  insert into log.tiles (log_id, level, tile_index, hashes, root)
  select $1, t.level, t.tile_index,
         substring($11::bytea from ((t.n - 1) * 8224 + 1)::integer for 8192),
         substring($11::bytea from ((t.n - 1) * 8224 + 8193)::integer for 32)
    from unnest($9::integer[], $10::bigint[]) with ordinality as t (level, tile_index, n)
  returning 1
), identity as (
  insert into log.identities (log_id, identity, entry_index)
  select $1, substring($12::bytea from n * 32 + 1 for 32), $2::bigint + n
    from generate_series(0, octet_length($12::bytea) / 32 - 1) n
  returning 1
), leaf as (
  insert into log.leaf_hashes (log_id, leaf_hash, entry_index)
  select $1, substring($13::bytea from n * 32 + 1 for 32), $2::bigint + n
    from generate_series(0, octet_length($13::bytea) / 32 - 1) n
  returning 1
), search_batch as (
  insert into log.search_batches (log_id, first_index, entry_count)
  select $1, $2::bigint, ($3::bigint - $2::bigint)::integer where $14::boolean
  returning 1
), search_key as (
  insert into log.search_keys (log_id, segment, key, first_index, places)
  select $1, ($2::bigint / ${SEGMENT_ENTRIES})::integer,
         substring($15::bytea from ((t.n - 1) * ${STORED_KEY_BYTES} + 1)::integer for ${STORED_KEY_BYTES}),
         $2::bigint, substring($16::bytea from t.place_begin for t.place_length)
    from unnest($17::integer[], $18::integer[]) with ordinality as t (place_begin, place_length, n)
  returning 1
)
select (select count(*) from head) as heads, (select count(*) from note) as notes,
       (select count(*) from batch) as batches, (select count(*) from tile) as tiles,
       (select count(*) from identity) as identities, (select count(*) from leaf) as leaves,
       (select count(*) from search_batch) as search_batches, (select count(*) from search_key) as search_keys`;

/** Begins a transaction and takes the lock row, in one round trip. */
export async function beginSequencing(session: Session, logId: number): Promise<SequencingTransaction> {
  await session.open();
  await session.run(lockingBegin(logId)).catch(async (error: unknown) => {
    await session.rollback();
    throw error;
  });
  return {
    session: session.generation,
    look: (question) => look(session, logId, question),
    insert: (rows) => insert(session, logId, rows),
    insertNote: (head) => insertNote(session, logId, head),
    insertState: (change) => insertState(session, logId, change),
    commit: () => session.commit(),
    rollback: () => session.rollback(),
  };
}

/** `logId` is our own integer; a simple query takes no parameters. */
export function lockingBegin(logId: number): string {
  if (!Number.isSafeInteger(logId)) throw new StoreError('refused', 'not a log id');
  return `begin isolation level read committed read write; select log_id from log.locks where log_id = ${logId} for update`;
}

async function look(
  session: Session,
  logId: number,
  question: { identities: readonly Uint8Array[]; fromSize: number },
): Promise<LockedView> {
  const { identities, fromSize } = question;
  const values = [logId, joinBytes(identities), identities.length, fromSize];
  const { rows } = await session.run({ name: 'log_look', text: LOOK, values });
  const row = rows[0];
  if (row === undefined) throw new StoreError('refused', 'the log has no head');
  const head = {
    size: numberOf(row, 'size'),
    root: bytesOf(row, 'root'),
    timestampMs: numberOf(row, 'created_ms'),
    note: bytesOf(row, 'note'),
    ordinal: numberOf(row, 'ordinal'),
  };
  const state = lifeStateOf(row['state']);
  return { head, state, appended: appendedOf(row, head.size - fromSize), known: knownOf(row) };
}

function appendedOf(row: Row, expected: number): Uint8Array[] | undefined {
  if (expected <= 0) return [];
  if (row['appended'] === null) return undefined;
  const hashes = splitHashes(bytesOf(row, 'appended'));
  return hashes.length === expected ? hashes : undefined;
}

function knownOf(row: Row): Map<string, number> {
  const known = new Map<string, number>();
  if (row['known'] === null) return known;
  const packed = bytesOf(row, 'known');
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let at = 0; at < packed.length; at += 40) {
    known.set(identityKey(packed.subarray(at, at + 32)), Number(view.getBigUint64(at + 32)));
  }
  return known;
}

async function insert(session: Session, logId: number, batch: BatchRows): Promise<void> {
  const { head, fullTiles } = batch;
  const search = batch.searchKeys === undefined ? undefined : searchRows(batch.searchKeys);
  const leafHashes = joinBytes(batch.leafHashes);
  const values = [
    logId,
    batch.previousSize,
    head.size,
    head.root,
    head.timestampMs,
    head.note,
    leafHashes,
    packRecords(batch.records),
    fullTiles.map((tile) => tile.level),
    fullTiles.map((tile) => tile.index),
    joinBytes(fullTiles.flatMap((tile) => [tile.hashes, tile.root])),
    joinBytes(batch.identities),
    batch.findsByLeafHash ? leafHashes : Buffer.alloc(0),
    search !== undefined,
    search?.keys ?? Buffer.alloc(0),
    search?.places ?? Buffer.alloc(0),
    search?.begins ?? [],
    search?.lengths ?? [],
  ];
  await insertIssuers(session, logId, batch.issuers);
  const { rows } = await session.run({ name: 'log_insert', text: INSERT, values });
  checkCounts(rows[0] ?? {}, batch, search);
}

async function insertNote(session: Session, logId: number, head: Omit<StoredHead, 'ordinal'>): Promise<void> {
  const { rowCount } = await session.run({
    name: 'log_insert_note',
    text: `insert into log.notes (log_id, size, ordinal, created_ms, note)
           select $1, $2::bigint, max(ordinal) + 1, $3::bigint, $4::bytea
             from log.notes where log_id = $1 and size = $2::bigint`,
    values: [logId, head.size, head.timestampMs, head.note],
  });
  if (rowCount !== 1) throw new StoreError('refused', `no note was added to size ${head.size}`);
}

async function insertState(
  session: Session,
  logId: number,
  change: { state: LifeState; size: number; timestampMs: number },
): Promise<void> {
  if (change.state === 'read-only') return closeLog(session, logId, change.timestampMs);
  const { rowCount } = await session.run({
    name: 'log_insert_state',
    text: `insert into log.states (log_id, ordinal, state, size, created_ms)
           select $1, coalesce(max(ordinal) + 1, 0), $2, $3::bigint, $4::bigint from log.states where log_id = $1`,
    values: [logId, change.state, change.size, change.timestampMs],
  });
  if (rowCount !== 1) throw new StoreError('refused', 'no state was added');
}

/** The one change of state that a serving role has the right to. */
async function closeLog(session: Session, logId: number, timestampMs: number): Promise<void> {
  const { rows } = await session.run({
    name: 'log_make_read_only',
    text: 'select log.make_read_only($1, $2::bigint) as closed',
    values: [logId, timestampMs],
  });
  if (rows[0]?.['closed'] !== true) throw new StoreError('refused', 'no state was added');
}

/** Every row that the plan names must be in, none more: a rule or trigger that swallows rows must not go unseen. */
function checkCounts(row: Row, batch: BatchRows, search: SearchRows | undefined): void {
  const entries = batch.records.length;
  const expected: [string, number][] = [
    ['heads', 1],
    ['notes', 1],
    ['batches', 1],
    ['tiles', batch.fullTiles.length],
    ['identities', entries],
    ['leaves', batch.findsByLeafHash ? entries : 0],
    ['search_batches', search === undefined ? 0 : 1],
    ['search_keys', search?.lengths.length ?? 0],
  ];
  for (const [column, count] of expected) {
    if (numberOf(row, column) !== count) throw new StoreError('refused', `${column}: inserted count is not ${count}`);
  }
}
