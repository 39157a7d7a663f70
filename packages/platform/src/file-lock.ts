import { DatabaseSync } from 'node:sqlite';

/** SPEC: SQLite result codes. */
const SQLITE_BUSY = 5;

/** A file that this process holds alone until it is closed, or the process ends in whatever way. */
export interface FileLock {
  close(): void;
}

/**
 * The operating system's own file lock, taken through SQLite because Node offers no other way to it: it ends with the
 * process, however that ends, so there is no stale lock to judge. Undefined when another process has it. The file is made
 * when it is missing; what it holds is SQLite's, and this process must not open it in any other way: to close that would
 * give the lock away. Throws what the file system refuses. Not for network file systems.
 */
export function lockFile(file: string): FileLock | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(file, { timeout: 0 });
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
}
