import { randomUUID } from 'node:crypto';
import { chown, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { generatePrivateKeyPem, type LocalSigner, type SignatureAlgorithm, signerFromPem } from '@sigstead/keys';
import { linkUnlessTaken, syncFolder, unlessAbsent, writeNewFile } from '@sigstead/platform';
import { Failure, messageOf } from '../../failure.ts';

/** The key of a log that is to come, in a file or not yet. */
export interface NewKey {
  readonly signer: LocalSigner;
  /** False when the file was there: an earlier try was cut short, or somebody made it. */
  readonly isNew: boolean;
  /** Puts it into its file, mode 0600: whole or not at all, and never over another. With the owner of the key beside it. */
  save(): Promise<void>;
}

/** The key in that file, else a new one of that kind. Throws a Failure. */
export async function newKey(path: string, algorithm: SignatureAlgorithm, beside: string): Promise<NewKey> {
  const present = await unlessAbsent(readFile(path, 'utf8')).catch((error: unknown) => {
    throw new Failure(`cannot read ${path} (${messageOf(error)})`, { cause: error });
  });
  if (present !== undefined) return { signer: signerOf(path, present), isNew: false, save: async () => undefined };
  const pem = generatePrivateKeyPem(algorithm);
  return { signer: signerFromPem(pem), isNew: true, save: () => save(path, pem, beside) };
}

function signerOf(path: string, pem: string): LocalSigner {
  try {
    return signerFromPem(pem);
  } catch (error) {
    throw new Failure(`${path} is there and cannot be used as a key: ${messageOf(error)}`, { cause: error });
  }
}

async function save(path: string, pem: string, beside: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeNewFile(draft, Buffer.from(pem), 0o600);
    const { uid, gid } = await stat(beside);
    // Only root may give it away.
    if (process.getuid?.() === 0) await chown(draft, uid, gid);
    if (!(await linkUnlessTaken(draft, path))) throw new Error('another one has just been made there');
    await syncFolder(dirname(path));
  } catch (error) {
    throw new Failure(`cannot make ${path}: ${messageOf(error)}`, { cause: error });
  } finally {
    await rm(draft, { force: true });
  }
}
