import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { syncFolder } from '@sigstead/platform';
import { Failure, messageOf } from '../failure.ts';
import { writeFileAtomically } from '../files.ts';
import { CHAINS, newKeyFiles } from '../key-files.ts';
import { KEYS } from './layout.ts';

/** Goes into every certificate, so that nobody takes one of these for something else. */
const ORGANIZATION = 'Sigstead development instance';

export interface KeysOptions {
  readonly dataDir: string;
  readonly createdMs: number;
  /** False once a log was opened with the keys: then missing ones are a loss and never made anew. */
  readonly mayMake: boolean;
}

/**
 * Makes the keys of a new folder, and in every folder the chains as one file each. What the files hold is checked by whoever loads
 * them. Throws a Failure.
 */
export async function prepareKeys({ dataDir, createdMs, mayMake }: KeysOptions): Promise<void> {
  const folder = join(dataDir, KEYS);
  await removeDrafts(dataDir);
  if ((await stat(folder).catch(() => undefined)) === undefined) {
    if (!mayMake)
      throw new Failure(`the keys of this instance are gone: restore ${folder}, or choose a new folder with --data`);
    await makeKeys(dataDir, folder, createdMs);
  }
  try {
    await writeChains(folder);
  } catch (error) {
    throw new Failure(`the keys in ${folder} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/** All keys are made beside their place and appear by one rename: there is no folder with some of them. */
async function makeKeys(dataDir: string, folder: string, createdMs: number): Promise<void> {
  const draft = join(dataDir, `${KEYS}.draft-${process.pid}`);
  await mkdir(draft, { mode: 0o700 });
  await chmod(draft, 0o700);
  const files = {
    ...(await newKeyFiles({ organization: ORGANIZATION, name: 'sigstead development', createdMs })),
    'oidc.key.pem': generatePrivateKeyPem('rsa-pkcs1-sha256'),
  };
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
    if (name.startsWith(`${KEYS}.draft-`)) await rm(join(dataDir, name), { recursive: true, force: true });
  }
}

/** A copy of what stands beside it: written when it is missing or another one. */
async function writeChains(folder: string): Promise<void> {
  for (const [name, members] of Object.entries(CHAINS)) {
    const path = join(folder, `${name}.crt.pem`);
    const parts = await Promise.all(members.map((member) => readFile(join(folder, `${member}.crt.pem`), 'utf8')));
    const chain = parts.join('');
    const present = await readFile(path, 'utf8').catch(() => undefined);
    if (present !== chain) await writeFileAtomically(path, chain, 0o644);
  }
}
