import type { LocalSigner } from '@sigstead/keys';
import { Failure } from '../../failure.ts';
import { type NamedFile, readSigner } from '../config/files.ts';
import type { LogFile, ServeFile } from '../config/sections.ts';

/** A further signer of a log's checkpoints. */
export interface AlsoSigner {
  readonly signer: LocalSigner;
  /** On its signature line; default: the log's origin. */
  readonly name?: string;
}

/** Further signers, in the order of their lines; `key` is the place of the log in the configuration. Throws a Failure. */
export async function loadAlsoSign(
  key: string,
  { alsoSign }: LogFile,
  at: (key: string, path: string) => NamedFile,
): Promise<AlsoSigner[]> {
  const signers: AlsoSigner[] = [];
  for (const [i, { keyFile, name }] of alsoSign.entries()) {
    const file = at(`${key}.alsoSign[${i}].keyFile`, keyFile);
    const signer = await readSigner(file);
    if (signer.algorithm !== 'ed25519') {
      throw new Failure(`${file.key}: holds a key for ${signer.algorithm}: a further signer has an Ed25519 key`);
    }
    signers.push({ signer, ...(name === undefined ? {} : { name }) });
  }
  return signers;
}

interface LogKeys {
  readonly signer: LocalSigner;
  readonly alsoSign: readonly AlsoSigner[];
}

/** Two files may hold one key: then two logs, or two lines of one, would be the same to clients. Throws a Failure. */
export function refuseSharedKeys({ logs }: ServeFile, keysOf: ReadonlyMap<string, LogKeys>): void {
  const seen = new Map<string, string>();
  logs.forEach(({ name }, i) => {
    const own = keysOf.get(name);
    if (own === undefined) return;
    const keys = [
      [`logs[${i}].keyFile`, own.signer] as const,
      ...own.alsoSign.map(({ signer }, j) => [`logs[${i}].alsoSign[${j}].keyFile`, signer] as const),
    ];
    for (const [key, { spki }] of keys) {
      const hex = Buffer.from(spki).toString('hex');
      const other = seen.get(hex);
      if (other !== undefined) throw new Failure(`${key}: holds the same key as ${other}: make one for each`);
      seen.set(hex, key);
    }
  });
}
