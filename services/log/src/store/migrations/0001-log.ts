/**
 * Everything that carries truth is insert-only, and the database itself says so: a bug, or a hand at a prompt, that
 * tries to change history is refused. The chain of heads is linear by constraint: a head may only follow a head that
 * exists, and only one head may follow it.
 */
export const FIRST = `
create table log.logs (
  log_id integer primary key generated always as identity,
  name text not null unique,
  origin text not null,
  kind text not null,
  key_spki bytea not null,
  created_ms bigint not null
);

-- Carries no truth: it is what sequencers lock, so that nothing else needs a right to be updated.
create table log.locks (
  log_id integer primary key references log.logs
);

create table log.heads (
  log_id integer not null references log.logs,
  previous_size bigint not null,
  size bigint not null,
  root bytea not null check (octet_length(root) = 32),
  created_ms bigint not null,
  primary key (log_id, previous_size),
  unique (log_id, size),
  check (size > previous_size),
  check (previous_size >= 0 or (previous_size = -1 and size = 0))
);

create table log.notes (
  log_id integer not null,
  size bigint not null,
  ordinal integer not null check (ordinal >= 0),
  created_ms bigint not null,
  note bytea not null,
  primary key (log_id, size, ordinal),
  foreign key (log_id, size) references log.heads (log_id, size)
);

create table log.batches (
  log_id integer not null,
  first_index bigint not null,
  entry_count integer not null check (entry_count > 0),
  leaf_hashes bytea not null,
  records bytea not null,
  primary key (log_id, first_index),
  foreign key (log_id, first_index) references log.heads (log_id, previous_size),
  check (octet_length(leaf_hashes) = 32 * entry_count)
);
alter table log.batches alter column leaf_hashes set storage external;
alter table log.batches alter column records set storage external;

create table log.tiles (
  log_id integer not null references log.logs,
  level integer not null check (level between 0 and 63),
  tile_index bigint not null check (tile_index >= 0),
  hashes bytea not null check (octet_length(hashes) = 8192),
  root bytea not null check (octet_length(root) = 32),
  primary key (log_id, level, tile_index)
);
alter table log.tiles alter column hashes set storage external;

create table log.identities (
  log_id integer not null,
  identity bytea not null check (octet_length(identity) = 32),
  entry_index bigint not null,
  primary key (log_id, identity)
);

create table log.leaf_hashes (
  log_id integer not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  entry_index bigint not null,
  primary key (log_id, leaf_hash)
);

create function log.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;

create function log.head_follows() returns trigger language plpgsql as $$
begin
  if new.previous_size >= 0
     and not exists (select 1 from log.heads where log_id = new.log_id and size = new.previous_size) then
    raise exception 'head % follows no head', new.size using errcode = 'restrict_violation';
  end if;
  return new;
end $$;

create trigger head_follows before insert on log.heads for each row execute function log.head_follows();
${['logs', 'heads', 'notes', 'batches', 'tiles', 'identities', 'leaf_hashes']
  .map(
    (table) => `create trigger append_only before update or delete or truncate on log.${table}
  for each statement execute function log.refuse_change();`,
  )
  .join('\n')}
`;
