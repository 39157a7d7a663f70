import { readFile } from 'node:fs/promises';
import { IssuersConfigError, issuersFromFile, resolveIssuers } from '@sigstead/ca';
import { buildSigningConfig, buildTrustedRoot, TrustError } from '@sigstead/formats';
import { checkChain, TsaSetupError } from '@sigstead/tsa';
import { Failure, oneLine } from '../failure.ts';
import { readNamed } from '../serve/config/files.ts';
import { readServeConfig, type ServeConfig } from '../serve/config/load.ts';
import { Problems } from '../serve/config/problems.ts';
import { loadMaterials, type Materials } from '../serve/services/materials.ts';
import { trustModelOf } from '../serve/services/trust-model.ts';
import { partsOf } from '../serve/workers/start.ts';

export interface ConfigIo {
  readonly write: (text: string) => void;
  readonly exampleFile: string;
}

/** Prints the documented example. */
export async function printExample({ write, exampleFile }: ConfigIo): Promise<void> {
  write(await readFile(exampleFile, 'utf8'));
}

/**
 * Checks a configuration with every file it names: keys, chains, issuers, trust material. Nothing is opened: no database,
 * no port. Throws a Failure.
 */
export async function checkConfig(path: string, { write }: ConfigIo): Promise<void> {
  const config = await readServeConfig(path);
  const all = new Problems();
  await all.try(() => checkPasswordFiles(config));
  await all.try(async () => checkIssuers(config));
  const materials = await all.try(() => loadMaterials(config));
  if (materials !== undefined) {
    await all.try(async () => checkTsa(config, materials));
    await all.try(async () => checkTrust(config, materials));
  }
  all.throwAny();
  const parts = partsOf(config.file).map(([part, url]) => `  ${part.padEnd(28)} ${url}\n`);
  write(`${config.path} is valid\n${parts.join('')}`);
}

/** Variables of the environment are another matter: it need not be the one that serves. */
async function checkPasswordFiles({ file, resolve }: ServeConfig): Promise<void> {
  for (const key of ['passwordFile', 'migrationPasswordFile'] as const) {
    const path = file.database?.[key];
    if (path !== undefined) await readNamed({ key: `database.${key}`, path: resolve(path) });
  }
}

function checkIssuers({ file }: ServeConfig): void {
  if (file.ca === undefined) return;
  try {
    resolveIssuers(issuersFromFile(file.ca.issuers));
  } catch (error) {
    if (!(error instanceof IssuersConfigError)) throw error;
    throw new Failure(`ca.issuers: ${oneLine(error.message.replaceAll('\n', '; '))}`, { cause: error });
  }
}

function checkTsa({ file }: ServeConfig, { tsa }: Materials): void {
  if (file.tsa === undefined || tsa === undefined) return;
  const { chain, signer } = tsa;
  try {
    checkChain({ chain, signerSpki: signer.spki, nowMs: Date.now(), enforceIntermediateEku: true });
  } catch (error) {
    if (!(error instanceof TsaSetupError)) throw error;
    throw new Failure(`tsa.chainFile: ${error.message}`, { cause: error });
  }
}

function checkTrust({ file }: ServeConfig, materials: Materials): void {
  if (file.tuf === undefined) return;
  try {
    const nowMs = Date.now();
    const model = trustModelOf(file, materials);
    buildTrustedRoot(model);
    buildSigningConfig(model, { nowMs });
    // How far a rotation has come only the database knows: what its next publication would be is looked at too.
    for (const { name, follows } of file.logs) {
      if (follows === undefined) continue;
      buildTrustedRoot(trustModelOf(file, materials, { step: { kind: 'publish', name, startMs: nowMs } }));
    }
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw new Failure(`tuf: the trust material of this configuration: ${error.message}`, { cause: error });
  }
}
