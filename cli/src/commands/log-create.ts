import type { LogFile } from '../serve/config/sections.ts';
import { basePathOf } from '../serve/config/shard-rules.ts';
import { makeFirstEntry } from '../serve/first-entry.ts';
import { entries, type LogSite, withLog } from './log-site.ts';

/**
 * Creates a configured log, with its first entry when clients want one. May be repeated: a log that is the same already is
 * left as it is, and a creation that was cut short is finished. Throws a Failure, also when the name belongs to another log.
 */
export function createLog(site: LogSite, log: LogFile): Promise<void> {
  return withLog(site, log, { create: true }, async (handle) => {
    const size = (): number => handle.stats()[0]?.size ?? 0;
    if (log.kind === 'rekor-v2' && size() === 0) await makeFirstEntry(handle.routes, basePathOf(log), site.logger);
    site.io.write(`log ${log.name} (${log.kind}) is there, with ${entries(size())}\n`);
  });
}
