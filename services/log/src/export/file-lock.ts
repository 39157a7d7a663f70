import { ObjectStoreError } from './object-store.ts';

/** SQLITE_BUSY: another process holds the lock. */
const BUSY = 5;

/** Runs a task while no other process on this file does. */
export type FileLock = <T>(task: () => Promise<T>) => Promise<T>;

/**
 * A lock that its holder cannot leave behind: the kernel's lock on an open file, which ends with the process. Node reaches
 * it through SQLite only, so the file is an empty database, of which nothing but the lock is used. It holds between all
 * processes of one machine, containers included; over a network file system as far as that has file locks.
 * A holder that is paused keeps it. Fails as `unavailable` after `attempts`.
 */
export async function fileLock(options: {
  file: string;
  pause: (ms: number) => Promise<void>;
  attempts: number;
}): Promise<FileLock> {
  const { file, pause, attempts } = options;
  // Loaded when a directory target is used only: older releases of Node warn about this module.
  const { DatabaseSync } = await import('node:sqlite');

  function tryLock(): { release(): void } | undefined {
    const database = new DatabaseSync(file, { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
      return { release: () => database.close() };
    } catch (error) {
      database.close();
      if ((error as { errcode?: unknown }).errcode === BUSY) return undefined;
      throw error;
    }
  }

  return async (task) => {
    for (let attempt = 1; ; attempt++) {
      const lock = tryLock();
      if (lock === undefined) {
        if (attempt >= attempts) throw new ObjectStoreError('unavailable', `another process keeps the lock ${file}`);
        await pause(10);
        continue;
      }
      try {
        return await task();
      } finally {
        lock.release();
      }
    }
  };
}
