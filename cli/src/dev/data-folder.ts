import { access, chmod, constants, mkdir, mkdtemp, readdir, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type FileLock, lockFile } from '@sigstead/platform';
import { Failure } from '../failure.ts';
import { errno } from '../files.ts';
import { CONFIGURATION, KEYS, MARKS, POSTGRES } from './layout.ts';

/** A data folder that this process holds alone until it is closed, or ends in whatever way. */
export interface DataFolder {
  /** Absolute, without symbolic links. */
  readonly path: string;
  close(): Promise<void>;
}

export interface DataFolderOptions {
  readonly dir: string;
  /** Whether PostgreSQL will run under another account, which must be able to pass through. */
  readonly shared: boolean;
}

const LOCK = 'lock';
/** What may lie in a folder that becomes an instance: nothing but what an earlier start that failed left behind. */
const OWN_NAMES = new Set([LOCK, 'instance.json', 'sigstead.yaml', 'trust', CONFIGURATION, KEYS, POSTGRES, MARKS]);

/** What was being written when a start was killed. */
const DRAFT = /^(?:keys|instance\.json|sigstead\.yaml|serve\.yaml)\./;

/** Makes the folder when it is missing and takes its lock. Throws a Failure that says what to do. */
export async function openDataFolder(options: DataFolderOptions): Promise<DataFolder> {
  const path = await makeFolder(resolve(options.dir), options.shared);
  await refuseForeignFolder(path);
  const unlock = takeLock(path);
  return { path, close: async () => unlock() };
}

/** A folder among the temporary files that is gone after close. */
export async function openEphemeralFolder(shared: boolean): Promise<DataFolder> {
  const made = await mkdtemp(join(tmpdir(), 'sigstead-'));
  if (shared) await chmod(made, 0o711);
  const folder = await openDataFolder({ dir: made, shared });
  return {
    path: folder.path,
    close: async () => {
      await folder.close();
      await rm(folder.path, { recursive: true, force: true });
    },
  };
}

async function makeFolder(path: string, shared: boolean): Promise<string> {
  try {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first !== undefined && shared) await letPass(path, first);
    if (!(await stat(path)).isDirectory()) throw new Failure(`${path} is not a folder: choose another one with --data`);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return await realpath(path);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw notWritable(path, error);
  }
}

/** Whatever the umask: every folder that was made just now can be passed through, and only that. */
async function letPass(path: string, first: string): Promise<void> {
  for (let at = path; ; at = dirname(at)) {
    await chmod(at, 0o711);
    if (at === first || at === dirname(at)) return;
  }
}

function notWritable(path: string, cause: unknown): Failure {
  const code = errno(cause);
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    return new Failure(`${path} is not a folder: choose another one with --data`, { cause });
  }
  const why = code ?? (cause instanceof Error ? cause.message : 'unknown cause');
  return new Failure(
    `cannot write to the data folder ${path} (${why}): make it writable, or choose another one with --data`,
    {
      cause,
    },
  );
}

/** `--data ~` must not scatter keys and databases among a person's files. */
async function refuseForeignFolder(path: string): Promise<void> {
  const names = await readdir(path);
  if (names.includes('instance.json')) return;
  const foreign = names.find((name) => !OWN_NAMES.has(name) && !DRAFT.test(name));
  if (foreign === undefined) return;
  throw new Failure(`${path} holds other files (${foreign}): choose an empty or new folder with --data`);
}

/** Ends with the process, however that ends. */
function takeLock(path: string): () => void {
  let lock: FileLock | undefined;
  try {
    lock = lockFile(join(path, LOCK));
  } catch (error) {
    throw notWritable(path, error);
  }
  if (lock !== undefined) return () => lock.close();
  throw new Failure(
    `the data folder ${path} is in use: stop the instance that runs there, or choose another one with --data`,
  );
}
