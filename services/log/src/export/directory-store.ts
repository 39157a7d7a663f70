import { hash, randomUUID } from 'node:crypto';
import path from 'node:path';
import type { FileLock } from './file-lock.ts';
import type { Files } from './files.ts';
import { type ExportObject, type ObjectStore, ObjectStoreError, sameBytes, type StoredObject } from './object-store.ts';

/** Holds what is not to be served: files being written, and the lock. */
export const PRIVATE_FOLDER = '.export';

const IMMUTABLE_MODE = 0o444;
const REPLACEABLE_MODE = 0o644;

/** What a process left behind when it was killed while writing. One that was paused for so long writes again. */
const STALE_MS = 3_600_000;

/** Folders known to be durable: a bound of memory, nothing more. */
const REMEMBERED_FOLDERS = 1000;

/**
 * A directory that a web server can serve as it is. A file gets its name only when it is whole and synced: created by a
 * link, which never replaces anything, or replaced by a rename under the lock. If we die anywhere, each name has its old
 * bytes or its new ones, and what else is left lies in PRIVATE_FOLDER.
 */
export function directoryStore(options: { folder: string; files: Files; lock: FileLock }): ObjectStore {
  const { folder, files, lock } = options;
  const placeOf = (name: string): string => path.join(folder, ...name.split('/'));
  const durable = new Set<string>();

  /** Makes a folder and all above it durable, also those that another process has just made. */
  async function ensureFolder(wanted: string): Promise<void> {
    if (durable.has(wanted)) return;
    await files.makeFolder(wanted);
    for (let at = wanted; at !== folder; at = path.dirname(at)) {
      if (durable.has(at)) break;
      await files.syncFolder(path.dirname(at));
    }
    if (durable.size >= REMEMBERED_FOLDERS) durable.clear();
    durable.add(wanted);
  }

  async function withTemporary<T>(bytes: Uint8Array, mode: number, use: (temporary: string) => Promise<T>): Promise<T> {
    const temporary = path.join(folder, PRIVATE_FOLDER, `tmp-${randomUUID()}`);
    try {
      await files.writeNew(temporary, bytes, mode);
      return await use(temporary);
    } finally {
      // What cannot be removed now is removed as stale one day.
      await files.remove(temporary).catch(() => undefined);
    }
  }

  async function compare(place: string, bytes: Uint8Array): Promise<'same' | 'different' | 'absent'> {
    const size = await files.size(place);
    if (size === undefined) return 'absent';
    if (size !== bytes.length) return 'different';
    const there = await files.read(place);
    if (there === undefined) return 'absent';
    return sameBytes(there, bytes) ? 'same' : 'different';
  }

  async function create(place: string, bytes: Uint8Array): Promise<'created' | 'same' | 'different'> {
    const before = await compare(place, bytes);
    if (before !== 'absent') return before;
    const linked = await withTemporary(bytes, IMMUTABLE_MODE, (temporary) => files.link(temporary, place)).catch(
      (error: unknown) => {
        // The folder may have been removed since; what was written there then is superseded.
        durable.delete(path.dirname(place));
        throw error;
      },
    );
    if (linked) return 'created';
    const after = await compare(place, bytes);
    if (after === 'absent') throw new ObjectStoreError('unavailable', `${place} comes and goes`);
    return after;
  }

  async function replace(name: string, bytes: Uint8Array, previous: string | undefined): Promise<'done' | 'lost'> {
    const there = await files.read(placeOf(name));
    if (there !== undefined && sameBytes(there, bytes)) return 'done';
    if ((there === undefined ? undefined : tagOf(there)) !== previous) return 'lost';
    await withTemporary(bytes, REPLACEABLE_MODE, (temporary) => files.rename(temporary, placeOf(name)));
    return 'done';
  }

  return {
    createOnly: (name, { bytes }: ExportObject) =>
      coded(name, async () => {
        const place = placeOf(name);
        await ensureFolder(path.dirname(place));
        const result = await create(place, bytes);
        // Also when another process created it: it may not have come to this line.
        if (result !== 'different') await files.syncFolder(path.dirname(place));
        return result;
      }),
    replaceIf: (name, { bytes }, previous) =>
      coded(name, () =>
        lock(async () => {
          if ((await replace(name, bytes, previous)) === 'lost') return 'lost';
          await files.syncFolder(path.dirname(placeOf(name)));
          return { tag: tagOf(bytes) };
        }),
      ),
    get: (name, maxBytes) =>
      coded(name, async (): Promise<StoredObject | undefined> => {
        if (((await files.size(placeOf(name))) ?? 0) > maxBytes) {
          throw new ObjectStoreError('too_large', `${name} has more than ${maxBytes} bytes`);
        }
        const bytes = await files.read(placeOf(name));
        return bytes === undefined ? undefined : { bytes, tag: tagOf(bytes) };
      }),
    removeFolder: (name) =>
      coded(name, async () => {
        const place = placeOf(name);
        const found = await files.list(place);
        for (const each of found) await files.remove(path.join(place, each.name));
        durable.delete(place);
        await files.removeFolder(place);
        return found.length;
      }),
    tidy: (nowMs) => coded(PRIVATE_FOLDER, () => removeStale({ folder, files, nowMs })),
    close: () => Promise.resolve(),
  };
}

/** Makes the folders a directory store needs, and removes what killed processes left there long ago. */
export async function prepareDirectory(options: { folder: string; files: Files; nowMs: number }): Promise<void> {
  const { folder, files } = options;
  await files.makeFolder(path.join(folder, PRIVATE_FOLDER));
  await files.syncFolder(folder);
  await removeStale(options);
}

async function removeStale(options: { folder: string; files: Files; nowMs: number }): Promise<void> {
  const { folder, files, nowMs } = options;
  const own = path.join(folder, PRIVATE_FOLDER);
  for (const { name, changedMs } of await files.list(own)) {
    if (name.startsWith('tmp-') && nowMs - changedMs > STALE_MS) await files.remove(path.join(own, name));
  }
}

function tagOf(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

async function coded<T>(name: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (cause) {
    if (cause instanceof ObjectStoreError) throw cause;
    throw new ObjectStoreError('unavailable', `${name}: ${String(cause)}`, { cause });
  }
}
