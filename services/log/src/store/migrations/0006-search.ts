/**
 * What entries are found by. No truth: all of it is derived from the entries, and what is found is looked up in them again,
 * so the owner of the tables may empty them, and nothing here is unique or refers to anything: a row that should not be here
 * must not keep an entry from being added. Rows are added, never changed.
 *
 * search_keys: for each key and batch the entries of the batch that have it. `segment` is first_index / 2^18.
 * search_batches: the batches whose keys were stored with them. search_rebuilt: ranges of which it was done later, in order.
 */
export const SEARCH = `
create table log.search_keys (
  log_id integer not null,
  segment integer not null,
  key bytea not null check (octet_length(key) = 15),
  first_index bigint not null,
  places bytea not null
);
create index search_keys_by_key on log.search_keys (log_id, segment, key, first_index);

create table log.search_batches (
  log_id integer not null,
  first_index bigint not null,
  entry_count integer not null check (entry_count > 0)
);
create index search_batches_by_index on log.search_batches (log_id, first_index);

create table log.search_rebuilt (
  log_id integer not null,
  ordinal bigint not null check (ordinal >= 0),
  begin_index bigint not null check (begin_index >= 0),
  end_index bigint not null check (end_index > begin_index)
);
create index search_rebuilt_by_ordinal on log.search_rebuilt (log_id, ordinal);

${['search_keys', 'search_batches', 'search_rebuilt']
  .map(
    (table) => `create trigger append_only before update or delete on log.${table}
  for each statement execute function log.refuse_change();`,
  )
  .join('\n')}

${[
  ['search_keys', 1_000_000],
  ['search_batches', 50_000],
]
  .map(
    ([table, rows]) => `alter table log.${table} set (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = ${rows},
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = ${rows},
  autovacuum_freeze_min_age = 0);`,
  )
  .join('\n')}
`;
