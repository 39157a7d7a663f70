import { LogError, rebuildStoredSearch, type SearchStatus, statusOfStoredSearch, StoreError } from '@sigstead/log';
import { DatabaseError } from '@sigstead/platform';
import { Failure, messageOf } from '../failure.ts';
import type { SearchFlags } from '../flags/search.ts';
import { type Environment, connectionsOf } from '../serve/config/connection.ts';
import { readServeConfig } from '../serve/config/load.ts';
import { refusePending } from '../serve/migrations.ts';
import { serveLogger } from '../serve/workers/process.ts';
import type { UserContext } from '../user-dirs.ts';
import { progressLines } from './fsck-progress.ts';
import { entries } from './log-site.ts';
import { findEntries } from './search-find.ts';

export interface SearchIo {
  readonly user: UserContext;
  readonly env: Environment;
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly nowMs: () => number;
}

/** Ranges that are named one by one. */
const MOST_RANGES = 20;

/** `sigstead search …`. Throws a Failure. */
export async function searchCommand(flags: SearchFlags, io: SearchIo): Promise<void> {
  if (flags.action === 'find') return findEntries(flags, io);
  const config = await readServeConfig(flags.config);
  const logger = serveLogger(config, 'primary', io.writeError);
  await refusePending({ config, env: io.env, logger });
  // The serving role's rights are enough.
  const { serving: connectionString } = await connectionsOf(config, io.env);
  const at = { connectionString, logger, log: flags.log };
  try {
    if (flags.action === 'rebuild') await rebuild(flags, at, io);
    else await status(flags, at, io);
  } catch (error) {
    throw failureOf(error, flags.log);
  }
}

type At = Pick<Parameters<typeof rebuildStoredSearch>[0], 'connectionString' | 'logger' | 'log'>;

async function rebuild(flags: SearchFlags & { action: 'rebuild' }, at: At, io: SearchIo): Promise<void> {
  const progress = progressLines(io);
  const { entries: done, size } = await rebuildStoredSearch({
    ...at,
    everywhere: flags.all,
    onProgress: (how) => progress.at(how),
  });
  const what = done === 0 ? 'nothing was missing' : `what ${entries(done)} are found by is stored`;
  io.write(`log ${at.log}: ${what}; it had ${entries(size)} at the start\n`);
}

async function status(flags: SearchFlags & { action: 'status' }, at: At, io: SearchIo): Promise<void> {
  const report = await statusOfStoredSearch({ ...at, batches: flags.sample });
  io.write(statusText(at.log, report));
  const [first] = report.sample.lacking;
  if (first !== undefined) {
    const what = `${first.rows} of the rows of the batch at entry ${first.firstIndex} are missing`;
    throw new Failure(`log ${at.log}: ${what}: sigstead search rebuild --config ${flags.config} --log ${at.log} --all`);
  }
}

function statusText(log: string, { size, searchable, missing, sample }: SearchStatus): string {
  const shown = missing.slice(0, MOST_RANGES).map(({ begin, end }) => `  not searchable: ${begin} to ${end - 1}\n`);
  const more = missing.length > shown.length ? `  and ${missing.length - shown.length} ranges more\n` : '';
  const checked = `  compared: ${sample.batches} batches, ${sample.rows} rows, ${sample.lacking.length} batches lack some\n`;
  return `log ${log}: ${searchable} of ${entries(size)} are searchable\n${shown.join('')}${more}${checked}`;
}

function failureOf(error: unknown, log: string): unknown {
  if (error instanceof LogError) return new Failure(`log ${log}: ${error.detail ?? error.message}`, { cause: error });
  if (error instanceof StoreError || error instanceof DatabaseError) {
    return new Failure(`the database does not answer (${messageOf(error.cause ?? error)})`, { cause: error });
  }
  return error;
}
