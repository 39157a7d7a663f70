/**
 * Whether the entries of a CT log name their own index, which is fixed when the log is made. Certificates that such entries
 * refer to by fingerprint are stored once for all of them, in the entries' own transaction. Roots that were seen at a source
 * that others publish are remembered, so that each process accepts them from its start on. The database itself compares
 * every fingerprint with its certificate.
 */
export const CT = `
alter table log.logs add column leaf_index boolean not null default false check (not leaf_index or kind = 'ct');

create table log.issuers (
  log_id integer not null references log.logs,
  fingerprint bytea not null check (fingerprint = sha256(certificate)),
  certificate bytea not null,
  primary key (log_id, fingerprint)
);

create table log.accepted_roots (
  log_id integer not null references log.logs,
  source text not null,
  fingerprint bytea not null check (fingerprint = sha256(certificate)),
  certificate bytea not null,
  created_ms bigint not null,
  primary key (log_id, source, fingerprint)
);

${['issuers', 'accepted_roots']
  .map(
    (table) => `create trigger append_only before update or delete or truncate on log.${table}
  for each statement execute function log.refuse_change();`,
  )
  .join('\n')}
`;
