import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodePem } from '@sigstead/formats';
import { generatePrivateKeyPem, type LocalSigner, newCaChain, newTsaChain, signerFromPem } from '@sigstead/keys';
import { Failure, messageOf } from '../failure.ts';
import { syncFolder } from '../files.ts';

/** Every key of a development instance, ready to sign, and the chains above them. DER, issuing end first. */
export interface KeyRing {
  readonly ca: { readonly signer: LocalSigner; readonly chain: readonly Uint8Array[] };
  readonly tsa: { readonly signer: LocalSigner; readonly chain: readonly Uint8Array[] };
  readonly rekor: LocalSigner;
  readonly ct: LocalSigner;
  readonly oidc: LocalSigner;
  readonly tuf: Readonly<Record<TufRole, LocalSigner>>;
}

export type TufRole = 'root' | 'targets' | 'snapshot' | 'timestamp';
const TUF_ROLES: readonly TufRole[] = ['root', 'targets', 'snapshot', 'timestamp'];

const FOLDER = 'keys';
/** Goes into every certificate, so that nobody takes one of these for something else. */
const ORGANIZATION = 'Sigstead development instance';

export interface KeyRingOptions {
  readonly dataDir: string;
  readonly createdMs: number;
  /** False once a log was opened with the keys: then missing ones are a loss and never made anew. */
  readonly mayMake: boolean;
}

/** Loads the keys of the folder; a new folder gets new ones. Throws a Failure. */
export async function openKeyRing({ dataDir, createdMs, mayMake }: KeyRingOptions): Promise<KeyRing> {
  const folder = join(dataDir, FOLDER);
  await removeDrafts(dataDir);
  if ((await stat(folder).catch(() => undefined)) === undefined) {
    if (!mayMake)
      throw new Failure(`the keys of this instance are gone: restore ${folder}, or choose a new folder with --data`);
    await makeKeys(dataDir, folder, createdMs);
  }
  try {
    return await loadKeys(folder);
  } catch (error) {
    throw new Failure(`the keys in ${folder} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/** All keys are made beside their place and appear by one rename: there is no folder with some of them. */
async function makeKeys(dataDir: string, folder: string, createdMs: number): Promise<void> {
  const draft = join(dataDir, `${FOLDER}.draft-${process.pid}`);
  await mkdir(draft, { mode: 0o700 });
  await chmod(draft, 0o700);
  const files = await newKeyFiles(createdMs);
  for (const [name, pem] of Object.entries(files)) {
    const mode = name.endsWith('.key.pem') ? 0o600 : 0o644;
    await writeFile(join(draft, name), pem, { mode, flag: 'wx', flush: true });
  }
  await syncFolder(draft);
  await rename(draft, folder);
  await syncFolder(dataDir);
}

/** What a start that was killed half way left. */
async function removeDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (name.startsWith(`${FOLDER}.draft-`)) await rm(join(dataDir, name), { recursive: true, force: true });
  }
}

async function newKeyFiles(createdMs: number): Promise<Record<string, string>> {
  const names = { organization: ORGANIZATION, notBefore: new Date(createdMs), rootYears: 10, intermediateYears: 10 };
  const ca = await newCaChain({ ...names, commonName: 'sigstead development CA' });
  const tsa = await newTsaChain({ ...names, commonName: 'sigstead development TSA', leafYears: 10 });
  const p256 = (): string => generatePrivateKeyPem('ecdsa-p256-sha256');
  return {
    'ca-root.crt.pem': ca.root.certificatePem,
    'ca-root.key.pem': ca.root.privateKeyPem,
    'ca-intermediate.crt.pem': ca.intermediate.certificatePem,
    'ca-intermediate.key.pem': ca.intermediate.privateKeyPem,
    'tsa-root.crt.pem': tsa.root.certificatePem,
    'tsa-root.key.pem': tsa.root.privateKeyPem,
    'tsa-intermediate.crt.pem': tsa.intermediate.certificatePem,
    'tsa-intermediate.key.pem': tsa.intermediate.privateKeyPem,
    'tsa-leaf.crt.pem': tsa.leaf.certificatePem,
    'tsa-leaf.key.pem': tsa.leaf.privateKeyPem,
    'rekor.key.pem': p256(),
    'ct.key.pem': p256(),
    'oidc.key.pem': generatePrivateKeyPem('rsa-pkcs1-sha256'),
    ...Object.fromEntries(TUF_ROLES.map((role) => [`tuf-${role}.key.pem`, p256()])),
  };
}

async function loadKeys(folder: string): Promise<KeyRing> {
  const signer = async (name: string): Promise<LocalSigner> =>
    signerFromPem(await readFile(join(folder, `${name}.key.pem`), 'utf8'));
  const chain = (...names: string[]): Promise<Uint8Array[]> =>
    Promise.all(names.map((name) => certificate(folder, name)));
  return {
    ca: { signer: await signer('ca-intermediate'), chain: await chain('ca-intermediate', 'ca-root') },
    tsa: { signer: await signer('tsa-leaf'), chain: await chain('tsa-leaf', 'tsa-intermediate', 'tsa-root') },
    rekor: await signer('rekor'),
    ct: await signer('ct'),
    oidc: await signer('oidc'),
    tuf: {
      root: await signer('tuf-root'),
      targets: await signer('tuf-targets'),
      snapshot: await signer('tuf-snapshot'),
      timestamp: await signer('tuf-timestamp'),
    },
  };
}

async function certificate(folder: string, name: string): Promise<Uint8Array> {
  const blocks = decodePem(await readFile(join(folder, `${name}.crt.pem`), 'utf8'));
  const block = blocks[0];
  if (blocks.length !== 1 || block?.label !== 'CERTIFICATE') throw new Error(`${name}.crt.pem is not one certificate`);
  return block.bytes;
}
