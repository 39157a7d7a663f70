import { readFile } from 'node:fs/promises';
import { decodePem, publicKeyFromSpki } from '@sigstead/formats';
import { type LocalSigner, signerFromPem } from '@sigstead/keys';
import { Failure, messageOf } from '../../failure.ts';
import { errno } from '../../files.ts';

/** A file that the configuration names at `key`, such as `ca.keyFile`. */
export interface NamedFile {
  readonly key: string;
  /** Absolute. */
  readonly path: string;
}

/** Longest file that is read: chains and keys are far below. */
const MAX_BYTES = 1 << 20;

/** Throws a Failure that names key and file. */
export async function readNamed({ key, path }: NamedFile): Promise<string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > MAX_BYTES) throw new Error('is longer than 1 MiB');
    return bytes.toString('utf8');
  } catch (error) {
    throw new Failure(`${key}: cannot read ${path} (${errno(error) ?? messageOf(error)})`, { cause: error });
  }
}

/** A private key: PEM, PKCS#8 or SEC1, unencrypted. Throws a Failure. */
export async function readSigner(file: NamedFile): Promise<LocalSigner> {
  return understood(file, await readNamed(file), signerFromPem);
}

/** DER of one or more PEM certificates, in the file's order. Throws a Failure. */
export async function readCertificates(file: NamedFile): Promise<Uint8Array[]> {
  return understood(file, await readNamed(file), (text) => {
    const blocks = decodePem(text);
    const other = blocks.find(({ label }) => label !== 'CERTIFICATE');
    if (other !== undefined) throw new Error(`holds a ${other.label}; wanted are certificates only`);
    if (blocks.length === 0) throw new Error('holds no PEM certificate');
    return blocks.map(({ bytes }) => bytes);
  });
}

/** SubjectPublicKeyInfo, DER, of a PEM public key. Throws a Failure. */
export async function readPublicKey(file: NamedFile): Promise<Uint8Array> {
  return understood(file, await readNamed(file), (text) => {
    const [block, second] = decodePem(text);
    if (block?.label !== 'PUBLIC KEY' || second !== undefined) throw new Error('is not one PEM public key');
    publicKeyFromSpki(block.bytes);
    return block.bytes;
  });
}

function understood<T>({ key, path }: NamedFile, text: string, read: (text: string) => T): T {
  try {
    return read(text);
  } catch (error) {
    throw new Failure(`${key}: ${path} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}
