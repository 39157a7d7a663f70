import { type FileHandle, link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Mark, MarkStore } from '../core/ports.ts';
import { halted, nameHead } from '../core/state.ts';

/**
 * A high-water mark in a file beside others of a folder, on a volume that is not the database's. The file is named
 * `<file>.<size>` and never rewritten: it is written under another name, synced, then linked into place, and lower ones
 * are removed. So raising needs no lock, several processes may share one mark, and no order of events and no crash can
 * lower it: whichever names exist, the highest counts. A mark belongs to one log; `key` names that log's key.
 */
export function fileMark(options: { file: string; key: string }): MarkStore {
  const folder = path.dirname(options.file);
  const prefix = `${path.basename(options.file)}.`;
  const pathOf = (size: number): string => path.join(folder, `${prefix}${size}`);
  let scratch = 0;

  async function sizes(): Promise<number[]> {
    const names = await readdir(folder).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return [];
      throw error;
    });
    return names
      .filter((name) => name.startsWith(prefix) && /^(0|[1-9]\d{0,15})$/.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length)))
      .sort((a, b) => b - a);
  }

  async function readMark(size: number): Promise<Mark> {
    const mark = parseMark(await readFile(pathOf(size), 'utf8'));
    if (mark === undefined || mark.size !== size) throw halted(`the mark ${pathOf(size)} is damaged`);
    if (mark.key !== options.key) throw halted(`the mark ${pathOf(size)} belongs to a log with another key`);
    return mark;
  }

  /** A file nobody else has open: on a shared volume, process ids of two machines may be the same. */
  async function openTemporary(): Promise<{ temporary: string; file: FileHandle }> {
    for (;;) {
      const temporary = path.join(folder, `${prefix}tmp-${process.pid}-${scratch++}`);
      try {
        return { temporary, file: await open(temporary, 'wx') };
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
      }
    }
  }

  async function write(mark: Mark): Promise<void> {
    await mkdir(folder, { recursive: true });
    const { temporary, file } = await openTemporary();
    try {
      await file.writeFile(formatMark(mark, options.key));
      await file.sync();
    } finally {
      await file.close();
    }
    try {
      await link(temporary, pathOf(mark.size));
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(folder);
  }

  /** The highest mark. A name that vanishes between listing and reading was lower than one linked meanwhile. */
  async function highest(): Promise<Mark | undefined> {
    for (;;) {
      const [size] = await sizes();
      if (size === undefined) return undefined;
      try {
        return await readMark(size);
      } catch (error) {
        if (!isCode(error, 'ENOENT')) throw error;
      }
    }
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
      const other = await readMark(size).catch((error: unknown) => {
        if (isCode(error, 'ENOENT')) return undefined;
        throw error;
      });
      if (other !== undefined) await contains(other);
    }
    await Promise.all(lower.map((size) => rm(pathOf(size), { force: true })));
  }

  return {
    read: highest,
    async advance(mark, contains) {
      const before = await highest();
      if (before === undefined || before.size < mark.size) {
        if (before !== undefined) await contains(before);
        await write(mark);
      }
      const now = await highest();
      if (now === undefined || now.size < mark.size) throw halted(`the mark ${pathOf(mark.size)} was removed`);
      if (now.size === mark.size && Buffer.compare(now.root, mark.root) !== 0) {
        throw halted(`the mark (${nameHead(now)}) and the log (${nameHead(mark)}) are two trees`);
      }
      await removeBelow(mark, { known: before, contains });
      // Ours came up after the owner of the higher one had listed what to remove. The caller looks into the higher one.
      if (now.size > mark.size) await rm(pathOf(mark.size), { force: true });
      return now;
    },
  };
}

/** A rename or link is durable only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function formatMark(mark: Mark, key: string): string {
  return `sigstead-mark-v1\n${key}\n${mark.size}\n${Buffer.from(mark.root).toString('hex')}\n`;
}

function parseMark(text: string): (Mark & { key: string }) | undefined {
  const match = /^sigstead-mark-v1\n([0-9a-f]{64})\n(\d{1,16})\n([0-9a-f]{64})\n$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) return undefined;
  return { key: match[1], size: Number(match[2]), root: Buffer.from(match[3], 'hex') };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
