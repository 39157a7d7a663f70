import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DatabaseLogReport,
  type FsckProgress,
  fsckDatabase,
  fsckPublished,
  type HeldNote,
  LogError,
  StoreError,
  type TreeReport,
} from '@sigstead/log';
import { silentLogger } from '@sigstead/platform';
import type { FsckFlags } from '../flags/log.ts';
import { Failure, messageOf, oneLine } from '../failure.ts';
import { progressLines } from './fsck-progress.ts';

export interface FsckIo {
  readonly write: (text: string) => void;
  readonly writeError: (text: string) => void;
  readonly nowMs: () => number;
}

/**
 * Checks a log wherever it is. Resolves only when all of it was read and is sound; throws a Failure that names the
 * first fault otherwise, after the report is written.
 */
export async function fsckCommand(flags: FsckFlags, io: FsckIo): Promise<void> {
  const key = flags.key === undefined ? {} : { key: await readKey(flags.key) };
  const notes = flags.notes === undefined ? {} : { notes: await readNotes(flags.notes) };
  const given = { ...key, ...notes };
  const progress = progressLines(io);
  try {
    const isDatabase = /^postgres(ql)?:\/\//.test(flags.source);
    await (isDatabase ? checkDatabase(flags, given, io, progress.at) : checkPublished(flags, given, io, progress.at));
  } catch (error) {
    if (error instanceof LogError) throw new Failure(error.detail ?? error.message, { cause: error });
    if (error instanceof StoreError) {
      throw new Failure(`the database does not answer (${messageOf(error.cause ?? error)})`, { cause: error });
    }
    throw error;
  }
}

/** What the checks take as the command line has it. */
type Given = { key?: string; notes?: HeldNote[] };
type Progress = (at: FsckProgress, log?: string) => void;

async function checkPublished(flags: FsckFlags, given: Given, io: FsckIo, progress: Progress): Promise<void> {
  const isUrl = /^https?:\/\//.test(flags.source);
  const report = await fsckPublished({
    from: isUrl ? { url: new URL(flags.source) } : { folder: flags.source },
    ...given,
    ...(flags.origin === undefined ? {} : { origin: flags.origin }),
    ...(flags.staticCt === undefined ? {} : { staticCt: flags.staticCt }),
    ...(flags.parallel === undefined ? {} : { readAhead: flags.parallel }),
    onProgress: (at) => progress(at),
  });
  io.write(flags.json ? `${JSON.stringify(report)}\n` : publishedText(report));
  const first = report.problems[0]?.text ?? 'the check did not reach the end';
  judge(report.source, report, first);
}

async function checkDatabase(flags: FsckFlags, given: Given, io: FsckIo, progress: Progress): Promise<void> {
  const logs = await fsckDatabase({
    connectionString: flags.source,
    logger: silentLogger,
    ...given,
    ...(flags.log === undefined ? {} : { log: flags.log }),
    onProgress: (log, at) => progress(at, log),
  });
  io.write(flags.json ? `${JSON.stringify({ logs })}\n` : logs.map(databaseText).join(''));
  const worst = logs.find((log) => log.outcome === 'bad') ?? logs.find((log) => log.outcome === 'empty') ?? logs[0];
  if (worst === undefined) throw new Failure('there is no log in the database');
  judge(`log ${worst.name}`, worst, worst.problems[0] ?? 'the check did not reach the end');
}

/** Only a log of which everything was checked passes; one without entries gave nothing to check. */
function judge(
  name: string,
  report: { outcome: 'ok' | 'empty' | 'bad'; problems: readonly unknown[] },
  first: string,
): void {
  if (report.outcome === 'ok') return;
  if (report.outcome === 'empty') throw new Failure(`${name} has no entries: nothing was checked`);
  const more = report.problems.length > 1 ? ` (the first of ${report.problems.length} problems)` : '';
  throw new Failure(`${name} is not sound: ${first}${more}`);
}

function publishedText(report: TreeReport): string {
  const { checked, size } = report;
  const lines = [
    `${report.outcome}: ${report.source}`,
    ...(size === undefined
      ? []
      : [`  ${oneLine(report.origin ?? '')}, size ${size}, root ${report.root ?? ''}, signature ${report.signature}`]),
    `  checked: ${checked.entries} entries in ${checked.bundles} bundles, ${checked.tiles} tiles, ${checked.notes} other notes, ${checked.bytes} bytes`,
    ...(report.complete ? [] : ['  the check did not reach the end']),
    ...report.problems.map(({ code, text }) => `  ${code}: ${oneLine(text)}`),
  ];
  return `${lines.join('\n')}\n`;
}

function databaseText(report: DatabaseLogReport): string {
  const lines = [
    `${report.outcome}: log ${report.name} (${report.kind}, ${oneLine(report.origin)})`,
    `  checked: ${report.size} entries, ${report.heads} heads, ${report.notes} notes, ${report.fullTiles} full tiles`,
    ...(report.complete ? [] : ['  the check did not reach the end']),
    ...report.problems.map((text) => `  ${oneLine(text)}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** A file, or all files of a folder. */
async function readNotes(path: string): Promise<HeldNote[]> {
  try {
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder ? (await readdir(path)).sort().map((name) => join(path, name)) : [path];
    return await Promise.all(names.map(async (name) => ({ name, bytes: await readFile(name) })));
  } catch (error) {
    throw new Failure(`cannot read the notes: ${messageOf(error)}`, { cause: error });
  }
}

/** A file, or a verifier key as it stands. */
export async function readKey(given: string): Promise<string> {
  if (/^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/.test(given)) return given;
  try {
    return await readFile(given, 'utf8');
  } catch (error) {
    throw new Failure(`cannot read the key: ${messageOf(error)}`, { cause: error });
  }
}
