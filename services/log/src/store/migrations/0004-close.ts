/**
 * A serving role may add no row to log.states, so that it can neither reopen nor freeze a log. But a server that finds a
 * contradiction must be able to close it for all processes: this function can do that and nothing else, with its owner's
 * rights. It takes the log's lock itself, so no batch is under way when it decides.
 */
export const CLOSE = `
create function log.make_read_only(closed_log integer, closed_ms bigint) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  newest record;
begin
  perform 1 from log.locks where log_id = closed_log for update;
  select state, ordinal into newest from log.states where log_id = closed_log order by ordinal desc limit 1;
  if newest.state <> 'active' then
    return false;
  end if;
  insert into log.states (log_id, ordinal, state, size, created_ms)
    select closed_log, coalesce(newest.ordinal + 1, 0), 'read-only', size, closed_ms
      from log.heads where log_id = closed_log order by size desc limit 1;
  return found;
end $$;

revoke all on function log.make_read_only(integer, bigint) from public;
`;
