import { createSecureContext } from 'node:tls';
import { Failure, messageOf } from '../../failure.ts';
import { type NamedFile, readNamed } from './files.ts';

/** PEM of a server's certificate chain and of its key. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** Throws a Failure unless they are PEM and belong together. */
export async function readTlsFiles(cert: NamedFile, key: NamedFile): Promise<TlsFiles> {
  const files = { cert: await readNamed(cert), key: await readNamed(key) };
  try {
    createSecureContext(files);
    return files;
  } catch (error) {
    const reason = messageOf(error);
    throw new Failure(`${cert.key}: ${cert.path} and ${key.path} are no certificate with its key (${reason})`, {
      cause: error,
    });
  }
}
