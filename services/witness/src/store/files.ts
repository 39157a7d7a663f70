import { appendFile, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { type FileLock, lockFile, syncFolder, unlessAbsent, writeNewFile } from '@sigstead/platform';

/** The file operations of a witness's state, one system call's worth each. Errors carry the system's `code`. */
export interface StateFiles {
  /** Undefined when there is none. */
  read(file: string): Promise<Uint8Array | undefined>;
  /** Empty when there is no such folder. */
  names(folder: string): Promise<string[]>;
  /** Writes a file that must not exist and syncs it; its name is durable once the folder is. */
  writeNew(file: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Adds bytes to a file that may not be there yet. Not durable. */
  append(file: string, bytes: Uint8Array): Promise<void>;
  /** A folder that may exist already. */
  makeFolder(folder: string): Promise<void>;
  /** Names created or changed in it are durable after this. */
  syncFolder(folder: string): Promise<void>;
  /** A file that may be gone already. */
  remove(file: string): Promise<void>;
  /** Undefined when another process has it. */
  lock(file: string): FileLock | undefined;
}

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

export const systemStateFiles: StateFiles = {
  read: (file) => unlessAbsent(readFile(file)),
  names: async (folder) => (await unlessAbsent(readdir(folder))) ?? [],
  writeNew: (file, bytes) => writeNewFile(file, bytes, FILE_MODE),
  rename,
  append: (file, bytes) => appendFile(file, bytes, { mode: FILE_MODE }),
  async makeFolder(folder) {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  },
  syncFolder,
  remove: (file) => rm(file, { force: true }),
  lock: lockFile,
};

/**
 * Puts a file in place of the one of that name: after a crash at any step the old or the new one is there, whole. The
 * name it is written under first is fixed: only one process writes in the folder, and what a crash left is removed.
 */
export async function replaceFile(files: StateFiles, file: string, bytes: Uint8Array): Promise<void> {
  const draft = `${file}.next`;
  await files.remove(draft);
  await files.writeNew(draft, bytes);
  await files.rename(draft, file);
  await files.syncFolder(path.dirname(file));
}

/** A folder that is there after a crash, too. */
export async function makeDurableFolder(files: StateFiles, folder: string): Promise<void> {
  await files.makeFolder(folder);
  await files.syncFolder(path.dirname(folder));
}

export function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}
