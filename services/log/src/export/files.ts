import { link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';

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
  read: (file) => orAbsent(readFile(file)),
  size: async (file) => (await orAbsent(stat(file)))?.size,
  async writeNew(file, bytes, mode) {
    const handle = await open(file, 'wx', mode);
    try {
      await handle.writeFile(bytes);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async link(from, to) {
    try {
      await link(from, to);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  },
  rename,
  async makeFolder(folder) {
    await mkdir(folder, { recursive: true });
  },
  async syncFolder(folder) {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  remove: (file) => rm(file, { force: true }),
  async removeFolder(folder) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error;
    }
  },
  async list(folder) {
    const names = (await orAbsent(readdir(folder))) ?? [];
    const found = await Promise.all(
      names.map(async (name) => ({ name, changedMs: (await orAbsent(stat(`${folder}/${name}`)))?.mtimeMs })),
    );
    return found.flatMap(({ name, changedMs }) => (changedMs === undefined ? [] : [{ name, changedMs }]));
  },
};

async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
