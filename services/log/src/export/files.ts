import { mkdir, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { linkUnlessTaken, syncFolder, unlessAbsent, writeNewFile } from '@sigstead/platform';

/** The file operations of a directory target, one system call's worth each. Errors carry the system's `code`. */
export interface Files {
  /** Undefined when there is none. */
  read(file: string): Promise<Uint8Array | undefined>;
  /** Bytes, undefined when there is none. */
  size(file: string): Promise<number | undefined>;
  /** Writes a file that must not exist, with this mode whatever the umask, and syncs it. */
  writeNew(file: string, bytes: Uint8Array, mode: number): Promise<void>;
  /** False when the name is taken. */
  link(from: string, to: string): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  /** A folder that may exist already. */
  makeFolder(folder: string): Promise<void>;
  /** Names created in it are durable after this. */
  syncFolder(folder: string): Promise<void>;
  remove(file: string): Promise<void>;
  /** Removes a folder if there is one and nothing is in it. */
  removeFolder(folder: string): Promise<void>;
  /** Names in a folder, none when there is no such folder, with the time of their last change, ms since the epoch. */
  list(folder: string): Promise<{ name: string; changedMs: number }[]>;
}

export const systemFiles: Files = {
  read: (file) => unlessAbsent(readFile(file)),
  size: async (file) => (await unlessAbsent(stat(file)))?.size,
  writeNew: writeNewFile,
  link: linkUnlessTaken,
  rename,
  async makeFolder(folder) {
    await mkdir(folder, { recursive: true });
  },
  syncFolder,
  remove: (file) => rm(file, { force: true }),
  async removeFolder(folder) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
    }
  },
  async list(folder) {
    const names = (await unlessAbsent(readdir(folder))) ?? [];
    const found = await Promise.all(
      names.map(async (name) => ({ name, changedMs: (await unlessAbsent(stat(`${folder}/${name}`)))?.mtimeMs })),
    );
    return found.flatMap(({ name, changedMs }) => (changedMs === undefined ? [] : [{ name, changedMs }]));
  },
};

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
