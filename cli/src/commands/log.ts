import type { LogFlags } from '../flags/log.ts';
import { Failure } from '../failure.ts';
import { quoted } from '../option-values.ts';
import { connectionsOf } from '../serve/config/connection.ts';
import { readServeConfig, type ServeConfig } from '../serve/config/load.ts';
import type { LogFile } from '../serve/config/sections.ts';
import { refusePending } from '../serve/migrations.ts';
import { serveLogger } from '../serve/workers/process.ts';
import { createLog } from './log-create.ts';
import { entries, type LogIo, type LogSite, withLog } from './log-site.ts';
import { freezeLog, listLogs, showLog } from './log-state.ts';
import { printLogKeys } from './log-vkey.ts';
import { rotateLog } from './rotate/rotate.ts';

/** `sigstead log …`. Throws a Failure. */
export async function logCommand(flags: LogFlags, io: LogIo): Promise<void> {
  const config = await readServeConfig(flags.config);
  // A key is in the configuration: no database has to be reached for it.
  if (flags.action === 'vkey') return printLogKeys(config, configured(config, flags.name), io.write);
  const logger = serveLogger(config, 'primary', io.writeError);
  await refusePending({ config, env: io.env, logger });
  const { migrating: connectionString } = await connectionsOf(config, io.env);
  const site: LogSite = { config, connectionString, logger, io };
  switch (flags.action) {
    case 'create':
      return createLog(site, configured(config, flags.name));
    case 'list':
      return listLogs(site);
    case 'status':
      return showLog(site, configured(config, flags.name));
    case 'freeze':
      return freezeLog(site, configured(config, flags.name), flags.confirm);
    case 'read-only':
    case 'activate':
      return changeLog(site, configured(config, flags.name), flags.action === 'activate' ? 'active' : 'read-only');
    case 'rotate':
      return rotateLog(site, configured(config, flags.name), flags);
    case 'mark':
      return markLog(site, configured(config, flags.name), flags.size);
  }
}

function configured(config: ServeConfig, wanted: string): LogFile {
  const log = config.file.logs.find(({ name }) => name === wanted);
  if (log !== undefined) return log;
  const known = config.file.logs.map(({ name }) => name).join(', ');
  throw new Failure(`${config.path}: logs has none named ${quoted(wanted)}${known === '' ? '' : `; it has ${known}`}`);
}

/** For all processes, at once. May be repeated, and undone by its opposite. */
function changeLog(site: LogSite, log: LogFile, state: 'active' | 'read-only'): Promise<void> {
  return withLog(site, log, {}, async (handle) => {
    const { changed, size } = await handle.changeState(log.name, state);
    site.io.write(`log ${log.name} ${changed ? 'is now' : 'was already'} ${state}, with ${entries(size)}\n`);
  });
}

/** Makes the mark of a log that has none on this machine. Refuses a database with fewer entries. */
function markLog(site: LogSite, log: LogFile, atLeast: number): Promise<void> {
  return withLog(site, log, { newMark: { atLeast } }, async (handle) => {
    const [stats] = handle.stats();
    if (stats?.haltedBy !== undefined) throw new Failure(`log ${log.name}: ${stats.haltedBy}`);
    if (stats === undefined || stats.size < atLeast) {
      throw new Failure(`log ${log.name}: the database has ${entries(stats?.size ?? 0)}, fewer than ${atLeast}`);
    }
    site.io.write(`the mark of log ${log.name} is at size ${stats.size}, root ${stats.root}\n`);
  });
}
