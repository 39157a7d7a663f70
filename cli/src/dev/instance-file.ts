import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../failure.ts';
import { errno, writeFileAtomically } from '../files.ts';

/** What a data folder remembers of its instance. */
export interface Instance {
  readonly format: 1;
  /** Also kept in the database: a folder and a database that do not belong together are told apart by it. */
  readonly id: string;
  /** When the keys were made, whole seconds; all trust material starts here. */
  readonly createdMs: number;
  /** Last port; the next start without --port uses it again. */
  readonly port?: number;
  /** Only when it was given and is not http://localhost:PORT. */
  readonly publicUrl?: string;
  /** Where clients reached it last. */
  readonly url?: string;
  /** Host name in the origin line of the v2 log, from the first start on. */
  readonly origin?: string;
  /** Whether the entries of its CT log name their own index; absent when not. */
  readonly ctLeafIndex?: boolean;
  /** The database has held this instance: from now on an empty one means a loss. */
  readonly databaseBound: boolean;
  /** Entry 0 of the v2 log was made and everything verified. */
  readonly selfTested: boolean;
}

const FILE = 'instance.json';

/** Reads the file; undefined when there is none. Throws a Failure when it is no such file. */
export async function readInstance(dataDir: string): Promise<Instance | undefined> {
  const path = join(dataDir, FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined;
    throw new Failure(`cannot read ${path} (${errno(error)})`, { cause: error });
  }
  const value = parse(text);
  if (value === undefined) throw new Failure(`${path} is damaged: restore it from a backup, or choose another --data`);
  if (value.format !== 1) throw new Failure(`${path} was written by a newer release: use that one`);
  return value;
}

/** Writes the file; on return it is durable. */
export async function writeInstance(dataDir: string, instance: Instance): Promise<void> {
  await writeFileAtomically(join(dataDir, FILE), `${JSON.stringify(instance, null, 2)}\n`, 0o644);
}

function parse(text: string): Instance | undefined {
  try {
    const value = JSON.parse(text) as Partial<Instance> | null;
    const whole =
      typeof value?.id === 'string' && typeof value.createdMs === 'number' && typeof value.format === 'number';
    return whole ? (value as Instance) : undefined;
  } catch {
    // Not JSON: the caller says so with the file's name.
    return undefined;
  }
}
