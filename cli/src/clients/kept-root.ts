import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../files.ts';

/** A root.json on this machine, with the folder for the caches of clients that start from it. */
export interface KeptRoot {
  /** Lower-case hex. */
  readonly sha256: string;
  /** Named after the hash: another root, another folder. */
  readonly folder: string;
  readonly path: string;
}

/** Keeps a root in `<base>/<first 16 digits of its SHA-256>/root.json`. Callers may race: they write the same bytes. */
export async function keepRoot(base: string, bytes: Uint8Array): Promise<KeptRoot> {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const folder = join(base, sha256.slice(0, 16));
  const path = join(folder, 'root.json');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const present = await readFile(path).catch(() => undefined);
  if (present === undefined || !present.equals(bytes)) await writeFileAtomically(path, bytes, 0o644);
  return { sha256, folder, path };
}
