import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TILE_WIDTH } from '@sigstead/merkle';
import { MAX_CHECKPOINT_BYTES } from './checkpoint.ts';
import { type FoundNote, SourceError, type TreeSource } from './source.ts';

/** A log in a folder, as an export or another tlog-tiles log on a disk lays it out. Writes nothing. */
export function folderSource(folder: string): TreeSource {
  return {
    name: folder,
    read: (path, maxBytes) => readBounded(join(folder, path), path, maxBytes),
    async forms(fullPath) {
      const widths = (await list(join(folder, `${fullPath}.p`), fullPath)).flatMap((name) => widthOf(name) ?? []);
      if (await exists(join(folder, fullPath), fullPath)) widths.push(TILE_WIDTH);
      return widths.sort((a, b) => a - b);
    },
    notes: () => otherNotes(folder),
    close: () => Promise.resolve(),
  };
}

/** Files that are named for what they are: `checkpoint.old`, `checkpoint-2026`, or anything in `checkpoints/`. */
const NOTE_NAME = /^checkpoint[._-]/;
const MAX_NOTES = 10_000;

async function otherNotes(folder: string): Promise<FoundNote[]> {
  const beside = (await list(folder, '.')).filter((name) => NOTE_NAME.test(name));
  const kept = (await list(join(folder, 'checkpoints'), 'checkpoints')).map((name) => `checkpoints/${name}`);
  const names = [...beside, ...kept].sort();
  const notes: FoundNote[] = [];
  for (const name of names.slice(0, MAX_NOTES)) {
    const note = await readNote(folder, name);
    if (note !== undefined) notes.push(note);
  }
  if (names.length > MAX_NOTES) {
    const problem = `there are ${names.length} checkpoints beside the log, and only ${MAX_NOTES} were checked: move the others, and check them by --notes`;
    notes.push({ name: 'checkpoints', problem });
  }
  return notes;
}

/** One that cannot be read is a finding; the tree can be checked without it. */
async function readNote(folder: string, name: string): Promise<FoundNote | undefined> {
  try {
    const bytes = await readBounded(join(folder, name), name, MAX_CHECKPOINT_BYTES);
    return bytes === undefined ? undefined : { name, bytes };
  } catch (error) {
    if (error instanceof SourceError) return { name, problem: error.message };
    throw error;
  }
}

async function readBounded(file: string, path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const handle = await openFile(file, path);
  if (handle === undefined) return undefined;
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new SourceError('unreadable', `${path} is no file`);
    if (stat.size > maxBytes) throw tooLarge(path, maxBytes);
    // One byte more than it should have: a file that grows while it is read must not be taken for a whole one.
    const buffer = Buffer.alloc(stat.size + 1);
    const length = await fill(handle, buffer);
    if (length !== stat.size) throw new SourceError('unreadable', `${path} changed while it was read`);
    return buffer.subarray(0, length);
  } catch (error) {
    throw error instanceof SourceError ? error : diskError(path, error);
  } finally {
    await handle.close();
  }
}

async function fill(handle: FileHandle, buffer: Buffer): Promise<number> {
  let length = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) return length;
  }
}

/** O_NONBLOCK: a pipe in the place of a file must not make us wait for its writer. */
async function openFile(file: string, path: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw diskError(path, error);
  }
}

async function exists(file: string, path: string): Promise<boolean> {
  const handle = await openFile(file, path);
  await handle?.close();
  return handle !== undefined;
}

async function list(folder: string, path: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw diskError(path, error);
  }
}

/** Other names are no resources: nobody can ask for them by a tile path. */
function widthOf(name: string): number | undefined {
  const width = /^[1-9]\d{0,2}$/.test(name) ? Number(name) : 0;
  return width > 0 && width < TILE_WIDTH ? width : undefined;
}

function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

function diskError(path: string, cause: unknown): SourceError {
  return new SourceError('unreadable', `${path} cannot be read (${codeOf(cause) ?? String(cause)})`, { cause });
}

function tooLarge(path: string, maxBytes: number): SourceError {
  return new SourceError('unreadable', `${path} is larger than ${maxBytes} bytes`);
}
