import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { linkUnlessTaken, syncFolder, unlessAbsent, writeNewFile } from '@sigstead/platform';

/** The file operations of a mark, one system call's worth each. Errors carry the system's `code`. */
export interface MarkFiles {
  names(folder: string): Promise<string[]>;
  /** Names in a folder with the time of their last change by the volume's clock, ms since the epoch. */
  list(folder: string): Promise<{ name: string; changedMs: number }[]>;
  /** Undefined when there is none. */
  read(file: string): Promise<Uint8Array | undefined>;
  /** Writes a file that must not exist, with this mode whatever the umask, and syncs it. */
  writeNew(file: string, bytes: Uint8Array, mode: number): Promise<void>;
  /** False when the name is taken. */
  link(from: string, to: string): Promise<boolean>;
  /** A folder that may exist already. */
  makeFolder(folder: string): Promise<void>;
  /** Names created in it are durable after this. */
  syncFolder(folder: string): Promise<void>;
  /** A file that may be gone already. */
  remove(file: string): Promise<void>;
}

export const systemMarkFiles: MarkFiles = {
  names: (folder) => readdir(folder),
  async list(folder) {
    const found = await Promise.all(
      (await readdir(folder)).map(async (name) => ({
        name,
        changedMs: (await unlessAbsent(stat(path.join(folder, name))))?.mtimeMs,
      })),
    );
    return found.flatMap(({ name, changedMs }) => (changedMs === undefined ? [] : [{ name, changedMs }]));
  },
  read: (file) => unlessAbsent(readFile(file)),
  writeNew: writeNewFile,
  link: linkUnlessTaken,
  async makeFolder(folder) {
    await mkdir(folder, { recursive: true });
  },
  syncFolder,
  remove: (file) => rm(file, { force: true }),
};
