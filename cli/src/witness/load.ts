import { FormatError, isNoteName, publicKeyFromSpki, type VerifierKey, verifierKey } from '@sigstead/formats';
import type { LocalSigner } from '@sigstead/keys';
import type { LogSpec } from '@sigstead/witness';
import { type ConfigFile, parseConfigFile, readConfigFile } from '../config-file.ts';
import { Failure, messageOf } from '../failure.ts';
import { readPublicKey, readSigner } from '../serve/config/files.ts';
import { type WitnessFile, type WitnessLogFile, witnessSchema } from './schema.ts';

export type WitnessConfig = ConfigFile<WitnessFile>;

/** Throws a Failure with every problem, its path and line. */
export function readWitnessConfig(path: string): Promise<WitnessConfig> {
  const remedy = 'name an existing file; sigstead witness init FOLDER --name NAME makes one';
  return readConfigFile(path, witnessSchema, remedy);
}

/** Throws a Failure. */
export function parseWitnessConfig(text: string, path: string): WitnessConfig {
  return parseConfigFile(text, path, witnessSchema);
}

/** The key of the witness. Throws a Failure. */
export function witnessSigner({ file, resolve: at }: WitnessConfig): Promise<LocalSigner> {
  return readSigner({ key: 'keyFile', path: at(file.keyFile) });
}

/** The logs with their keys; several entries of one origin are one log with several keys. Throws a Failure. */
export async function witnessLogs(config: WitnessConfig): Promise<LogSpec[]> {
  const logs = new Map<string, VerifierKey[]>();
  for (const [index, log] of config.file.logs.entries()) {
    const path = `logs[${index}]`;
    const key = log.vkey ?? (await keyOfFile(config, log, path));
    const origin = log.origin ?? key.name;
    const keys = logs.get(origin) ?? [];
    if (keys.some((other) => isSame(other, key))) throw new Failure(`${config.path}: ${path}: the same key as above`);
    if (key.type === 'rfc6962' && key.name !== origin) {
      throw new Failure(`${config.path}: ${path}.origin: an RFC 6962 key signs under its own name only: remove it`);
    }
    logs.set(origin, [...keys, key]);
  }
  return [...logs].map(([origin, keys]) => ({ origin, keys }));
}

async function keyOfFile(config: WitnessConfig, log: WitnessLogFile, path: string): Promise<VerifierKey> {
  const { origin = '', name = origin, keyFile = '', signature = 'note' } = log;
  const spki = await readPublicKey({ key: `${path}.keyFile`, path: config.resolve(keyFile) });
  if (!isNoteName(name)) {
    throw new Failure(`${config.path}: ${path}.name: missing: the origin cannot be the name in a signature line`);
  }
  const key = publicKeyFromSpki(spki);
  const type = signature === 'rfc6962' ? 'rfc6962' : key.kind === 'ed25519' ? 'ed25519' : 'ecdsa';
  try {
    return verifierKey(name, type, key);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new Failure(`${config.path}: ${path}.keyFile: ${messageOf(error)}`, { cause: error });
  }
}

function isSame(one: VerifierKey, other: VerifierKey): boolean {
  const isSameId = Buffer.compare(one.keyHash, other.keyHash) === 0;
  return isSameId && one.name === other.name && one.type === other.type;
}
