import { formatVerifierKey, publicKeyFromSpki, type VerifierKeyType, verifierKey } from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { Failure } from '../failure.ts';
import type { ServeConfig } from '../serve/config/load.ts';
import type { LogFile } from '../serve/config/sections.ts';
import { logSpec } from '../serve/services/logs.ts';
import { loadMaterials } from '../serve/services/materials.ts';

/**
 * Prints the verifier keys of a log's checkpoints, one a line, the one that clients know first: what witnesses and fsck are
 * configured with. Reads the configuration and the keys it names; opens nothing. Throws a Failure.
 */
export async function printLogKeys(config: ServeConfig, log: LogFile, write: (text: string) => void): Promise<void> {
  const { kind, origin, signer, leafIndex, alsoSign = [] } = logSpec(config, await loadMaterials(config), log);
  if (kind === 'ct' && leafIndex !== true) {
    throw new Failure(`log ${log.name} has no checkpoints: a ct log has them with leafIndex: true`);
  }
  const type = kind === 'ct' ? 'rfc6962' : undefined;
  const keys = [
    { name: origin, signer },
    ...alsoSign.map(({ name = origin, signer: other }) => ({ name, signer: other })),
  ];
  for (const each of keys) write(`${vkeyOf(log.name, each, type)}\n`);
}

function vkeyOf(log: string, { name, signer }: { name: string; signer: Signer }, type?: VerifierKeyType): string {
  const key = publicKeyFromSpki(signer.spki);
  if (type === undefined && key.kind === 'rsa') {
    throw new Failure(`log ${log}: there is no form of verifier keys for RSA, and witnesses take none`);
  }
  return formatVerifierKey(verifierKey(name, type ?? (key.kind === 'ed25519' ? 'ed25519' : 'ecdsa'), key));
}
