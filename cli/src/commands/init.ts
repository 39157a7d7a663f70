import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { syncFolder } from '@sigstead/platform';
import { Failure, messageOf } from '../failure.ts';
import { errno } from '../files.ts';
import type { InitFlags } from '../flags/serve.ts';
import { CHAINS, newKeyFiles } from '../key-files.ts';
import { parseServeConfig } from '../serve/config/load.ts';
import { initialConfiguration } from '../serve/initial-configuration.ts';
import { shellWord } from '../shell.ts';

export interface InitIo {
  readonly write: (text: string) => void;
  readonly nowMs: () => number;
  /** Word that runs this program. */
  readonly sigstead: string;
}

/**
 * Makes a folder with new keys, chains and a configuration of all services behind one URL. It appears whole, by one rename, or
 * not at all; one that holds anything is left alone. Throws a Failure.
 */
export async function initCommand(flags: InitFlags, io: InitIo): Promise<void> {
  const folder = resolve(flags.folder);
  const text = initialConfiguration(flags);
  // What cannot be used is said before anything is made.
  parseServeConfig(text, join(folder, 'sigstead.yaml'));
  await refuseUsed(folder);
  const draft = join(dirname(folder), `.${basename(folder)}.draft-${process.pid}`);
  try {
    await mkdir(join(draft, 'keys'), { recursive: true, mode: 0o700 });
    for (const path of [draft, join(draft, 'keys')]) await chmod(path, 0o700);
    await fill(draft, text, flags, io);
    await rename(draft, folder);
    await syncFolder(dirname(folder));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw new Failure(`cannot make ${folder}: ${messageOf(error)}`, { cause: error });
  }
  io.write(nextSteps(folder, io.sigstead));
}

async function refuseUsed(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return [];
    throw new Failure(`cannot make ${folder} (${errno(error)}): choose another folder`, { cause: error });
  });
  if (names.length > 0)
    throw new Failure(`${folder} is not empty: keys are never made over others; choose a new folder`);
}

async function fill(folder: string, text: string, { organization }: InitFlags, { nowMs }: InitIo): Promise<void> {
  const createdMs = Math.floor(nowMs() / 1000) * 1000;
  const keys = await newKeyFiles({ organization, name: organization, createdMs });
  const chains = Object.entries(CHAINS).map(([name, members]): [string, string] => [
    `${name}.crt.pem`,
    members.map((member) => keys[`${member}.crt.pem`] ?? '').join(''),
  ]);
  for (const [name, pem] of [...Object.entries(keys), ...chains]) {
    const mode = name.endsWith('.key.pem') ? 0o600 : 0o644;
    await writeFile(join(folder, 'keys', name), pem, { mode, flag: 'wx', flush: true });
  }
  await writeFile(join(folder, 'sigstead.yaml'), text, { mode: 0o644, flag: 'wx', flush: true });
  await syncFolder(join(folder, 'keys'));
  await syncFolder(folder);
}

function nextSteps(folder: string, sigstead: string): string {
  const config = shellWord(join(folder, 'sigstead.yaml'));
  const word = shellWord(sigstead);
  return `${folder} holds new keys and sigstead.yaml. Look through that file, keep a copy of keys/ elsewhere, then:

  ${word} config check ${config}
  ${word} migrate --config ${config}
  ${word} log create --config ${config} --name rekor
  ${word} log create --config ${config} --name ct
  ${word} serve --config ${config}
`;
}
