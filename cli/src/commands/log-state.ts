import { type LogOverview, overviewOfLogs } from '@sigstead/log';
import { systemClock } from '@sigstead/platform';
import { Failure } from '../failure.ts';
import type { LogFile } from '../serve/config/sections.ts';
import { marksOf } from '../serve/services/logs.ts';
import { startStep } from '../serve/services/start-failure.ts';
import { entries, type LogSite, withLog } from './log-site.ts';

/** Every log of the database, and those of the configuration that are not in it. */
export async function listLogs(site: LogSite): Promise<void> {
  const rows = (await overviews(site)).map((log) => [
    log.name,
    log.kind,
    log.origin,
    String(log.size),
    log.state,
    log.mark === undefined ? '-' : String(log.mark.size),
    log.contradiction ?? '',
  ]);
  for (const { name, kind } of site.config.file.logs) {
    if (!rows.some(([known]) => known === name)) rows.push([name, kind, '-', '-', 'not created', '-', '']);
  }
  site.io.write(table([['NAME', 'KIND', 'ORIGIN', 'SIZE', 'STATE', 'MARK', ''], ...rows]));
}

/** One log, and whether database and mark agree: a Failure when they do not. */
export async function showLog(site: LogSite, { name }: LogFile): Promise<void> {
  const log = await overview(site, name);
  const since =
    log.since === undefined
      ? ''
      : ` since ${new Date(log.since.timestampMs).toISOString()}, with ${entries(log.since.size)}`;
  const mark =
    log.mark === undefined
      ? 'none'
      : `${log.mark.size} ${hex(log.mark.root)} in ${marksOf(site.config, name).markFile}.${log.mark.size}`;
  const lines: [string, string][] = [
    ['name', log.name],
    ['kind', log.kind],
    ['origin', log.origin],
    ['created', new Date(log.createdMs).toISOString()],
    ['size', String(log.size)],
    ['root', hex(log.root)],
    ['state', `${log.state}${since}`],
    ['mark', mark],
  ];
  site.io.write(table(lines));
  if (log.contradiction !== undefined) {
    throw new Failure(`log ${name}: ${log.contradiction}: see docs/runbooks/read-only-log.md`);
  }
}

/** For ever: asks for the name a second time. May be repeated. */
export async function freezeLog(site: LogSite, log: LogFile, confirm: string | undefined): Promise<void> {
  const { name } = log;
  const { origin, state, size, since } = await overview(site, name);
  if (state === 'frozen') {
    const when = since === undefined ? '' : ` since ${new Date(since.timestampMs).toISOString()}`;
    site.io.write(`log ${name} was already frozen${when}, with ${entries(size)}\n`);
    return;
  }
  if (confirm !== name) {
    const asked = confirm === undefined ? '' : `--confirm names another log (${confirm}); `;
    throw new Failure(
      `${asked}freezing ${name} (${log.kind}, ${origin}, ${entries(size)}) is for ever: no process will accept an entry again, a last note is signed, reads go on, nothing undoes it; clients need another log first; to do it: sigstead log freeze --config ${site.config.path} --confirm ${name} ${name}`,
    );
  }
  await withLog(site, log, {}, async (handle) => {
    const frozen = await handle.changeState(name, 'frozen');
    const root = handle.stats()[0]?.root ?? '';
    site.io.write(
      `log ${name} ${frozen.changed ? 'is now' : 'was already'} frozen, with ${entries(frozen.size)}, root ${root}\n`,
    );
  });
}

async function overview(site: LogSite, name: string): Promise<LogOverview> {
  const found = (await overviews(site)).find((log) => log.name === name);
  if (found !== undefined) return found;
  throw new Failure(
    `there is no log ${name} in the database: sigstead log create --config ${site.config.path} --name ${name}`,
  );
}

function overviews(site: LogSite): Promise<LogOverview[]> {
  const { config, connectionString, logger } = site;
  const marks = new Map(config.file.logs.map(({ name }) => [name, marksOf(config, name)]));
  const options = { connectionString, logger, clock: systemClock, marks };
  return startStep('logs', config.path, () => overviewOfLogs(options));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
