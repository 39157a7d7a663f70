import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '@sigstead/platform';
import { TsaSetupError } from '../core/errors.ts';
import type { TimeFloor } from '../core/ports.ts';

/** `1790000000\n`: seconds since 1970 of the highest token. */
const CONTENT = /^(0|[1-9][0-9]{0,11})\n$/;

/**
 * A TimeFloor in one small text file. A raise writes a new file, forces it to disk, renames it over the old one and
 * forces the folder: after a crash at any step the file holds the old or the new value, whole.
 * Throws TsaSetupError `floor_unreadable` (a damaged file is never taken for an absent one) and `floor_unwritable`.
 */
export async function openFileTimeFloor({ file }: { file: string }): Promise<TimeFloor> {
  const startSec = await read(file);
  await probe(file, startSec ?? 0);
  let storedSec = startSec ?? Number.NEGATIVE_INFINITY;
  return {
    startSec,
    async raise(sec) {
      if (sec <= storedSec) return;
      await write(file, sec);
      storedSec = sec;
    },
  };
}

async function read(file: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'latin1');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(file, 'cannot be read', cause);
  }
  const match = CONTENT.exec(text);
  if (!match) throw unreadable(file, 'does not hold a time');
  return Number(match[1]);
}

function unreadable(file: string, what: string, cause?: unknown): TsaSetupError {
  return new TsaSetupError('floor_unreadable', {
    message: `${file} ${what}`,
    remedy: 'restore it, or write the time of the last token (seconds since 1970) into it',
    cause,
  });
}

/** Writes what is already there, so that a folder we may not write to stops the start and not the first token. */
async function probe(file: string, sec: number): Promise<void> {
  try {
    await write(file, sec);
  } catch (cause) {
    throw new TsaSetupError('floor_unwritable', {
      message: `${file} cannot be written`,
      remedy: 'give the service a folder of its own that it may write to',
      cause,
    });
  }
}

async function write(file: string, sec: number): Promise<void> {
  const next = `${file}.next`;
  const handle = await open(next, 'w', 0o600);
  try {
    await handle.writeFile(`${sec}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, file);
  await syncFolder(dirname(file));
}
