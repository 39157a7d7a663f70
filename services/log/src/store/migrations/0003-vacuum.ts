/**
 * The server's own rhythm (a fifth of a table, a tenth to analyse) means ever longer and rarer runs over tables that only
 * grow, each reading what left the caches long ago. Here a run comes after a fixed amount of new rows, while they are
 * still in memory, passes over all that earlier runs have marked visible, and freezes what it sees: a page is visited
 * once and never again, also not to keep transaction ids from wrapping around. Row counts of a run: entries for the
 * tables with a row for each (some 40 MB), batches for those with a row for each, pieces of 2 KB (800 MB) for the
 * entries' bytes. Statistics matter little: every statement finds its rows by a key.
 */
export const VACUUM = `
${[
  ['identities', 500_000],
  ['leaf_hashes', 500_000],
  ['heads', 50_000],
  ['notes', 50_000],
  ['batches', 50_000],
  ['tiles', 50_000],
]
  .map(
    ([table, rows]) => `alter table log.${table} set (
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = ${rows},
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = ${rows},
  autovacuum_freeze_min_age = 0);`,
  )
  .join('\n')}
${['batches', 'tiles', 'notes']
  .map(
    (table) => `alter table log.${table} set (
  toast.autovacuum_vacuum_insert_scale_factor = 0, toast.autovacuum_vacuum_insert_threshold = 400000,
  toast.autovacuum_freeze_min_age = 0);`,
  )
  .join('\n')}
`;
