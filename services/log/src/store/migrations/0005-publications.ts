/**
 * What a witnessed log has shown, in order: each row names a note of a head, the newest row is the checkpoint that may be
 * shown. A later row never goes back, over all processes, whatever they believe. What witnesses said that contradicts the
 * log is kept as it came, for whoever has to judge it.
 */
export const PUBLICATIONS = `
create table log.publications (
  log_id integer not null,
  size bigint not null,
  ordinal integer not null,
  quorum boolean not null,
  created_ms bigint not null,
  primary key (log_id, size, ordinal),
  foreign key (log_id, size, ordinal) references log.notes (log_id, size, ordinal)
);

create function log.publication_follows() returns trigger language plpgsql as $$
begin
  if exists (select 1 from log.publications
              where log_id = new.log_id and (size, ordinal) >= (new.size, new.ordinal)) then
    raise exception 'publication % of log % goes back', new.size, new.log_id using errcode = 'restrict_violation';
  end if;
  return new;
end $$;

create trigger publication_follows before insert on log.publications
  for each row execute function log.publication_follows();

create table log.witness_evidence (
  log_id integer not null references log.logs,
  digest bytea not null check (octet_length(digest) = 32),
  witness text not null,
  created_ms bigint not null,
  detail text not null,
  checkpoint bytea not null,
  answer bytea not null,
  primary key (log_id, digest)
);

${['publications', 'witness_evidence']
  .map(
    (table) => `create trigger append_only before update or delete or truncate on log.${table}
  for each statement execute function log.refuse_change();`,
  )
  .join('\n')}

alter table log.publications set (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000,
  autovacuum_freeze_min_age = 0);
`;
