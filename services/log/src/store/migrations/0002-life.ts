/**
 * The state of a log is its newest row here, active when it has none; frozen is the last there can be. The head's trigger
 * asks for it too, so that a process of an older release cannot append either: it runs behind the log's lock, in a snapshot
 * of its own. One key and one origin belong to one log: a second tree under them would be a fork.
 */
export const LIFE = `
create table log.states (
  log_id integer not null references log.logs,
  ordinal integer not null check (ordinal >= 0),
  state text not null check (state in ('active', 'read-only', 'frozen')),
  size bigint not null,
  created_ms bigint not null,
  primary key (log_id, ordinal),
  foreign key (log_id, size) references log.heads (log_id, size)
);

create function log.state_follows() returns trigger language plpgsql as $$
begin
  if exists (select 1 from log.states where log_id = new.log_id and state = 'frozen') then
    raise exception 'log % is frozen', new.log_id using errcode = 'restrict_violation';
  end if;
  return new;
end $$;

create trigger state_follows before insert on log.states for each row execute function log.state_follows();
create trigger append_only before update or delete or truncate on log.states
  for each statement execute function log.refuse_change();

create or replace function log.head_follows() returns trigger language plpgsql as $$
begin
  if new.previous_size >= 0
     and not exists (select 1 from log.heads where log_id = new.log_id and size = new.previous_size) then
    raise exception 'head % follows no head', new.size using errcode = 'restrict_violation';
  end if;
  if (select state from log.states where log_id = new.log_id order by ordinal desc limit 1) <> 'active' then
    raise exception 'log % takes no entries', new.log_id using errcode = 'object_not_in_prerequisite_state';
  end if;
  return new;
end $$;

create unique index logs_key_spki_key on log.logs (key_spki);
create unique index logs_origin_kind_key on log.logs (origin, kind);
`;
