import { access, chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { generatePrivateKeyPem } from '@sigstead/keys';
import { syncFolder } from '@sigstead/platform';
import { initWitness, isWitnessState, witnessVkey } from '@sigstead/witness';
import { Failure, messageOf } from '../failure.ts';
import { errno } from '../files.ts';
import { shellWord } from '../shell.ts';
import { parseWitnessConfig, readWitnessConfig, type WitnessConfig, witnessSigner } from './load.ts';
import { setupFailure } from './setup-failure.ts';

export interface WitnessInitIo {
  readonly write: (text: string) => void;
  /** Word that runs this program. */
  readonly sigstead: string;
}

/** A folder with configuration, key and state of a new witness. One that holds anything is left alone. Throws a Failure. */
export async function initWitnessFolder(
  { folder, name, listen }: { folder: string; name: string; listen: string },
  io: WitnessInitIo,
): Promise<void> {
  const path = join(resolve(folder), 'witness.yaml');
  const text = initialConfiguration(name, listen);
  // What cannot be used is said before anything is made.
  parseWitnessConfig(text, path);
  try {
    const names = await readdir(dirname(path)).catch((error: unknown) => {
      if (errno(error) === 'ENOENT') return [];
      throw error;
    });
    if (names.length > 0) throw new Error('it is not empty: choose a new folder');
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await chmod(dirname(path), 0o700);
    await writeFile(path, text, { mode: 0o644, flag: 'wx', flush: true });
  } catch (error) {
    throw new Failure(`cannot make ${dirname(path)}: ${messageOf(error)}`, { cause: error });
  }
  await initFromConfig({ config: path, unusedKey: false }, io);
}

/**
 * Makes what a configuration names and is not there: key, state, mark folder. What is there is never made again: a witness
 * that forgets its state, or has it with another key, could cosign a fork. Throws a Failure.
 */
export async function initFromConfig(
  { config: path, unusedKey }: { config: string; unusedKey: boolean },
  io: WitnessInitIo,
): Promise<void> {
  const config = await readWitnessConfig(path);
  const stateFolder = config.resolve(config.file.stateFolder);
  const isKeyNew = await makeKey(config.resolve(config.file.keyFile));
  if (!isKeyNew && !unusedKey && !(await hasState(stateFolder))) {
    throw new Failure(
      `${stateFolder} is no state of a witness, and ${config.resolve(config.file.keyFile)} is there: a key that has cosigned may never begin anew, take another name and key; if it was never used, say --unused-key`,
    );
  }
  const signer = await witnessSigner(config);
  const { name, markFolder } = config.file;
  const marks = markFolder === undefined ? {} : { markFolder: config.resolve(markFolder) };
  const state = { name, signer, stateFolder, ...marks };
  let isNew: boolean;
  try {
    isNew = await initWitness(state);
  } catch (error) {
    throw setupFailure(config.path, error);
  }
  io.write(isNew ? nextSteps(config, witnessVkey({ name, signer }), io.sigstead) : `nothing was missing\n`);
}

async function hasState(folder: string): Promise<boolean> {
  try {
    return await isWitnessState(folder);
  } catch (error) {
    throw new Failure(`stateFolder: cannot read ${folder}: ${messageOf(error)}`, { cause: error });
  }
}

/** A key that is there stays; then false. */
async function makeKey(file: string): Promise<boolean> {
  const isThere = await access(file).then(
    () => true,
    (error: unknown) => errno(error) !== 'ENOENT',
  );
  if (isThere) return false;
  try {
    await writeFile(file, generatePrivateKeyPem('ed25519'), { mode: 0o600, flag: 'wx', flush: true });
    await syncFolder(dirname(file));
    return true;
  } catch (error) {
    throw new Failure(`cannot make the key ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** JSON of a text is YAML of it too. */
const yaml = (value: string): string => JSON.stringify(value);

function initialConfiguration(name: string, listen: string): string {
  return `# A witness: it cosigns the checkpoints of the logs below, as long as each log only ever grows.
# deploy/examples/witness.yaml explains every key.
version: 1

# Who cosigns; never changes. By custom a URL without scheme.
name: ${yaml(name)}
listen: ${yaml(listen)}
keyFile: witness.key.pem

# What was cosigned. Whoever sets it back can make this witness cosign a fork: keep it out of backups that are restored.
stateFolder: state
# How far each log was cosigned, once more on another volume, so that a stateFolder that was set back is noticed.
# markFolder: /var/lib/another-volume/witness-marks

# "sigstead log vkey NAME" prints the line of a log of ours.
logs: []
#  - vkey: log.example.com+…
`;
}

function nextSteps({ path }: WitnessConfig, vkey: string, sigstead: string): string {
  const word = shellWord(sigstead);
  const config = shellWord(path);
  return `The witness ${path} has its key and its state. Keep a copy of the key elsewhere, none of the state.
Put the verifier keys of the logs into the configuration, then:

  ${word} witness check --config ${config}
  ${word} witness --config ${config}

Operators of logs need this verifier key, and the URL of the witness:

  ${vkey}
`;
}
