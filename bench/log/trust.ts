import { createPublicKey } from 'node:crypto';
import { checkTrustedRoot, type NoteVerifier, noteVerifier, publicKeyFromSpki } from '@sigstead/formats';

/** What answers of the log are verified with. Plain values: they go to another thread. */
export interface LogIdentity {
  readonly origin: string;
  readonly spki: Uint8Array;
}

interface Metadata {
  signed: {
    meta?: Record<string, { version: number }>;
    targets?: Record<string, { hashes: { sha256: string } }>;
  };
}

/**
 * Origin and key as the instance publishes them in its trusted root. The TUF signatures are not checked: the load tool
 * asks whether the answers agree with what the instance says of itself, not whether the instance is who it should be.
 */
export async function publishedLog(url: string): Promise<LogIdentity> {
  const get = async (name: string): Promise<unknown> => {
    const response = await fetch(`${url}/tuf/${name}`);
    if (!response.ok)
      throw new Error(`${url}/tuf/${name} answered ${response.status}; name the log's key with --log-key`);
    return response.json();
  };
  const timestamp = (await get('timestamp.json')) as Metadata;
  const snapshot = (await get(`${versionOf(timestamp, 'snapshot.json')}.snapshot.json`)) as Metadata;
  const targets = (await get(`${versionOf(snapshot, 'targets.json')}.targets.json`)) as Metadata;
  const sha256 = targets.signed.targets?.['trusted_root.json']?.hashes.sha256;
  const [log] = checkTrustedRoot(await get(`targets/${sha256}.trusted_root.json`)).tlogs;
  if (log === undefined) throw new Error(`${url} publishes no log`);
  return { origin: new URL(log.baseUrl).hostname, spki: log.spki };
}

function versionOf({ signed }: Metadata, name: string): number {
  const version = signed.meta?.[name]?.version;
  if (version === undefined) throw new Error(`the metadata name no ${name}`);
  return version;
}

/** A key in PEM; the origin of a log is the host of its address. */
export function logOfPem(pem: string, url: string): LogIdentity {
  return { origin: new URL(url).hostname, spki: createPublicKey(pem).export({ type: 'spki', format: 'der' }) };
}

export function checkpointVerifier({ origin, spki }: LogIdentity): NoteVerifier {
  return noteVerifier(origin, publicKeyFromSpki(spki));
}
