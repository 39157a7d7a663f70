import path from 'node:path';
import { LogError } from '../core/errors.ts';
import type { Mark, MarkStore } from '../core/ports.ts';
import { halted, nameHead, sameHead } from '../core/state.ts';
import { type MarkFiles, systemMarkFiles } from './mark-files.ts';
import { formatMark, parseMark } from './mark-text.ts';

export interface FileMark extends MarkStore {
  /** Removes what killed processes left behind; resolves to how many files that were. Never touches a mark. */
  sweep(): Promise<number>;
}

/** A listing made while others raise and remove may show neither the old name nor the new one. */
const LISTINGS = 5;

/** No process takes this long from writing a file to linking it; one that was stopped meanwhile fails and writes anew. */
const STALE_MS = 600_000;

const FILE_MODE = 0o644;

/**
 * A high-water mark in a file beside others of a folder, on a volume that is not the database's. The file is named
 * `<file>.<size>` and never rewritten: it is written under another name, synced, then linked into place, and lower ones
 * are removed. So raising needs no lock, several processes may share one mark, and no order of events and no crash can
 * lower it: whichever names exist, the highest counts. A mark that this object has seen must stay or be raised: one that
 * is gone or lower halts. A mark belongs to one log; `key` names that log's key. What the volume refuses is thrown as
 * LogError `unavailable`.
 */
export function fileMark(options: { file: string; key: string; files?: MarkFiles }): FileMark {
  const { key, files = systemMarkFiles } = options;
  const folder = path.dirname(options.file);
  const prefix = `${path.basename(options.file)}.`;
  const scratchPrefix = `${prefix}tmp-`;
  const pathOf = (size: number): string => path.join(folder, `${prefix}${size}`);
  let scratch = 0;
  /** Marks up to this one are durable: the folder was synced after they were seen in it. */
  let synced = -1;
  let seen: Mark | undefined;

  async function sizes(): Promise<number[]> {
    const names = await files.names(folder).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return [];
      throw error;
    });
    return names
      .filter((name) => name.startsWith(prefix) && /^(0|[1-9]\d{0,15})$/.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length)))
      .sort((a, b) => b - a);
  }

  /** Undefined when the name has vanished. */
  async function readMark(size: number): Promise<Mark | undefined> {
    const bytes = await files.read(pathOf(size));
    if (bytes === undefined) return undefined;
    const mark = parseMark(Buffer.from(bytes).toString('utf8'));
    if (mark === undefined || mark.size !== size) throw halted(`the mark ${pathOf(size)} is damaged`);
    if (mark.key !== key) throw halted(`the mark ${pathOf(size)} belongs to a log with another key`);
    return mark;
  }

  /** The highest mark. A name that vanishes between listing and reading was lower than one linked meanwhile. */
  async function highest(): Promise<Mark | undefined> {
    for (let listings = 1; ; listings++) {
      const [size] = await sizes();
      const isLow = size === undefined || size < (seen?.size ?? 0);
      if (isLow && listings < LISTINGS) continue;
      if (isLow && seen !== undefined) {
        const found = size === undefined ? 'there is none' : `the highest is ${pathOf(size)}`;
        throw halted(`the mark (${nameHead(seen)}) was taken away: ${found} in ${folder}`);
      }
      if (size === undefined) return undefined;
      const mark = await readMark(size);
      if (mark === undefined) continue;
      if (seen?.size === size && !sameHead(seen, mark)) {
        throw halted(`the mark ${pathOf(size)} was changed from ${nameHead(seen)} to ${nameHead(mark)}`);
      }
      seen = mark;
      return mark;
    }
  }

  /** A file nobody else has open: on a shared volume, process ids of two machines may be the same. */
  async function writeScratch(text: string): Promise<string> {
    for (;;) {
      const file = path.join(folder, `${scratchPrefix}${process.pid}-${scratch++}`);
      try {
        await files.writeNew(file, Buffer.from(text), FILE_MODE);
        return file;
      } catch (error) {
        if (isCode(error, 'EEXIST')) continue;
        // A full volume leaves a part of it.
        await files.remove(file).catch(() => undefined);
        throw error;
      }
    }
  }

  async function write(mark: Mark): Promise<void> {
    await files.makeFolder(folder);
    const file = await writeScratch(formatMark(mark, key));
    try {
      await files.link(file, pathOf(mark.size));
    } finally {
      await files.remove(file);
    }
    await sync(mark.size);
  }

  /** A name is durable only once its folder is: who has linked it, we or another process, may have come no further. */
  async function sync(size: number): Promise<void> {
    if (size <= synced) return;
    await files.syncFolder(folder);
    synced = Math.max(synced, size);
  }

  /**
   * Removes what is lower than a mark that is durable. A lower one that came up while ours was written is looked into
   * first; what has vanished was looked into by who removed it.
   */
  async function removeBelow(
    mark: Mark,
    { known, contains }: { known: Mark | undefined; contains: (lower: Mark) => Promise<void> },
  ): Promise<void> {
    const lower = (await sizes()).filter((size) => size < mark.size);
    for (const size of lower.filter((each) => each !== known?.size)) {
      const other = await readMark(size);
      if (other !== undefined) await contains(other);
    }
    await Promise.all(lower.map((size) => files.remove(pathOf(size))));
  }

  async function raise(mark: Mark, contains: (lower: Mark) => Promise<void>): Promise<Mark> {
    const before = await highest();
    if (before === undefined || before.size < mark.size) {
      if (before !== undefined) await contains(before);
      await write(mark);
    }
    const now = await highest();
    if (now === undefined || now.size < mark.size) throw halted(`the mark ${pathOf(mark.size)} was removed`);
    if (now.size === mark.size && !sameHead(now, mark)) {
      throw halted(`the mark (${nameHead(now)}) and the log (${nameHead(mark)}) are two trees`);
    }
    await sync(now.size);
    await removeBelow(mark, { known: before, contains });
    // Ours came up after the owner of the higher one had listed what to remove. The caller looks into the higher one.
    if (now.size > mark.size) await files.remove(pathOf(mark.size));
    return now;
  }

  /** Ages are told by the clock of the volume, with a file of our own: several machines may share it. */
  async function sweep(): Promise<number> {
    const isScratch = (name: string): boolean =>
      name.startsWith(scratchPrefix) && /^\d+-\d+$/.test(name.slice(scratchPrefix.length));
    if (!(await files.names(folder).catch(() => [])).some(isScratch)) return 0;
    const probe = await writeScratch('');
    try {
      const found = (await files.list(folder)).filter(({ name }) => isScratch(name));
      const nowMs = found.find(({ name }) => name === path.basename(probe))?.changedMs ?? Number.NEGATIVE_INFINITY;
      const stale = found.filter(({ changedMs }) => nowMs - changedMs > STALE_MS);
      await Promise.all(stale.map(({ name }) => files.remove(path.join(folder, name))));
      return stale.length;
    } finally {
      await files.remove(probe);
    }
  }

  return {
    read: () => onVolume('read', highest()),
    advance: (mark, contains) => onVolume('raised', raise(mark, contains)),
    sweep,
  };
}

/** What is neither ours nor the caller's came from the volume, or the way to it. */
async function onVolume<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof Error) || !('syscall' in cause)) throw cause;
    const detail = `the high-water mark cannot be ${what}: ${cause.message}`;
    throw new LogError('unavailable', 'log is temporarily unavailable', { detail, cause });
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
