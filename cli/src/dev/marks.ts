import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '@sigstead/platform';
import { Failure, messageOf } from '../failure.ts';
import { errno } from '../files.ts';
import { MARKS } from './layout.ts';

/** Name of the time of the last timestamp: once a file with the seconds in it, now one with the seconds in its name. */
const TIME = 'tsa-time';
/** `1790000000\n`: seconds since 1970. */
const CONTENT = /^(0|[1-9][0-9]{0,11})\n$/;

/**
 * Makes the folder of the marks. What an earlier release kept there in another form is carried over, forward only: the new form
 * is durable before the old one goes, so a crash in between leaves both, and the next start goes on. Throws a Failure.
 */
export async function prepareMarks(dataDir: string): Promise<void> {
  const folder = join(dataDir, MARKS);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const old = join(folder, TIME);
  const text = await readOld(old);
  if (text === undefined) return;
  const seconds = CONTENT.exec(text)?.[1];
  if (seconds === undefined) {
    throw new Failure(
      `${old} holds no time: restore it, or write the seconds since 1970 of the last timestamp into it`,
    );
  }
  const mark = await open(`${old}.${seconds}`, 'a', 0o600);
  try {
    await mark.sync();
  } finally {
    await mark.close();
  }
  await syncFolder(folder);
  await rm(old);
  await rm(`${old}.next`, { force: true });
}

async function readOld(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'latin1');
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw new Failure(`cannot read ${path} (${errno(error) ?? messageOf(error)})`, { cause: error });
  }
}
