import path from 'node:path';
import type { FileLock } from '@sigstead/platform';
import { WitnessSetupError } from '../core/errors.ts';
import { makeDurableFolder, replaceFile, type StateFiles, textOf } from './files.ts';

/** The folders of a witness's state, held by this process alone until they are closed. */
export interface StateFolder {
  close(): void;
}

export interface StateFolderOptions {
  readonly files: StateFiles;
  /** Absolute. */
  readonly folder: string;
  /** Absolute; a second copy of how far each log was cosigned, best on another volume. */
  readonly markFolder?: string;
  /** The witness whose state it is. */
  readonly vkey: string;
}

const IDENTITY = 'witness';
const FORMAT = 'sigstead-witness-state/v1';

const identityText = (vkey: string): string => `${FORMAT}\n${vkey}\n`;

/** Whether a folder is the state of some witness. */
export async function isStateFolder(files: StateFiles, folder: string): Promise<boolean> {
  return (await files.read(path.join(folder, IDENTITY))) !== undefined;
}

/**
 * Makes the folders of a new witness, or adds what is missing of them; a state that is there is left as it is. Says
 * whether anything was new. Throws WitnessSetupError.
 */
export async function initStateFolder({ files, folder, markFolder, vkey }: StateFolderOptions): Promise<boolean> {
  let isNew = false;
  for (const each of [folder, ...(markFolder === undefined ? [] : [markFolder])]) {
    try {
      if (await isOurs(files, each, vkey)) continue;
      await makeDurableFolder(files, each);
      if (each === folder) {
        for (const inner of ['logs', 'cosigned']) await makeDurableFolder(files, path.join(each, inner));
      }
      // Last: a folder is a state once this file is there.
      await replaceFile(files, path.join(each, IDENTITY), Buffer.from(identityText(vkey)));
      isNew = true;
    } catch (error) {
      throw asSetupError(error, each);
    }
  }
  return isNew;
}

/**
 * Takes the folders of a witness that `initStateFolder` has made. A folder that is no state is never made one here: a slip
 * in a path would be a witness that has forgotten everything. Throws WitnessSetupError.
 */
export async function openStateFolder({ files, folder, markFolder, vkey }: StateFolderOptions): Promise<StateFolder> {
  const locks: FileLock[] = [];
  const close = (): void => locks.splice(0).forEach((lock) => lock.close());
  try {
    for (const each of [folder, ...(markFolder === undefined ? [] : [markFolder])]) {
      await requireOurs(files, each, vkey);
      locks.push(takeLock(files, each));
    }
    return { close };
  } catch (error) {
    close();
    throw error;
  }
}

async function requireOurs(files: StateFiles, folder: string, vkey: string): Promise<void> {
  let ours: boolean;
  try {
    ours = await isOurs(files, folder, vkey);
  } catch (error) {
    throw asSetupError(error, folder);
  }
  if (ours) return;
  const remedy = 'name the right folder; for a new witness, or a new markFolder, run sigstead witness init';
  throw new WitnessSetupError('state_missing', `${folder} is no state of a witness: ${remedy}`);
}

/** False when there is no state yet. */
async function isOurs(files: StateFiles, folder: string, vkey: string): Promise<boolean> {
  const text = textOf(await files.read(path.join(folder, IDENTITY)));
  if (text === undefined) return false;
  if (text === identityText(vkey)) return true;
  const [format, other] = text.split('\n');
  const whose = format === FORMAT ? `of ${other}` : 'of a form that this version does not know';
  throw new WitnessSetupError(
    'state_foreign',
    `${folder} is the state ${whose}, not of ${vkey}: a new name or key is a new witness, with a state of its own`,
  );
}

function takeLock(files: StateFiles, folder: string): FileLock {
  try {
    const lock = files.lock(path.join(folder, 'lock'));
    if (lock !== undefined) return lock;
  } catch (error) {
    throw asSetupError(error, folder);
  }
  throw new WitnessSetupError('state_in_use', `${folder} is in use by another process: one witness, one process`);
}

function asSetupError(error: unknown, folder: string): unknown {
  if (error instanceof WitnessSetupError) return error;
  const why = (error as NodeJS.ErrnoException).code ?? String(error);
  return new WitnessSetupError('state_unwritable', `cannot use ${folder} (${why}): make it readable and writable`, {
    cause: error,
  });
}
