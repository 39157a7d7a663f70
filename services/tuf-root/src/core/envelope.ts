import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { FormatError, hasTrailingText, olpc, parseJson, toPlain } from '@sigstead/formats';
import { TufError } from './errors.ts';
import type { RoleSigner } from './keys.ts';
import {
  type Envelope,
  MAX_METADATA_BYTES,
  type RoleKeys,
  type RoleName,
  type SignedOf,
  type TufKey,
} from './metadata.ts';
import { checkEnvelope } from './metadata-shape.ts';

/** What a signature of metadata covers. SPEC: TUF specification §4.2.1 (OLPC canonical JSON) */
export function signedBytes(signed: object): Uint8Array {
  return olpc(signed);
}

/** Signs with every key given, in order of key id, and writes the file. The bytes are published as they are here. */
export async function signEnvelope<R extends RoleName>(
  signed: SignedOf[R],
  signers: readonly RoleSigner[],
): Promise<Uint8Array> {
  const message = signedBytes(signed);
  const signatures = [];
  for (const { keyId, signer } of sortedById(signers)) {
    const sig = await signer.sign(message);
    signatures.push({ keyid: keyId, sig: Buffer.from(sig).toString('hex') });
  }
  return Buffer.from(`${JSON.stringify({ signatures, signed }, null, 1)}\n`);
}

function sortedById(signers: readonly RoleSigner[]): RoleSigner[] {
  const byId = new Map(signers.map((signer) => [signer.keyId, signer]));
  return [...byId.values()].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
}

/** Reads metadata of one role: bounded, no repeated names, every member of the expected shape. Throws TufError. */
export function parseEnvelope<R extends RoleName>(bytes: Uint8Array, role: R): Envelope<R> {
  if (bytes.length > MAX_METADATA_BYTES[role]) {
    throw new TufError(
      'metadata_too_large',
      `${role} has ${bytes.length} bytes, clients read ${MAX_METADATA_BYTES[role]}`,
    );
  }
  return checkEnvelope(parsePlain(bytes, role), role);
}

function parsePlain(bytes: Uint8Array, role: RoleName): unknown {
  try {
    const parsed = parseJson(bytes, { maxDepth: 16, maxNodes: 200_000, onDuplicate: 'error' });
    if (hasTrailingText(parsed)) throw new TufError('metadata_malformed', `${role}: text after the JSON value`);
    return toPlain(parsed.value);
  } catch (cause) {
    if (cause instanceof FormatError) throw new TufError('metadata_malformed', `${role}: ${cause.message}`, { cause });
    throw cause;
  }
}

/**
 * Refuses metadata that fewer than the threshold of a role's keys have signed. Each key counts once; a file that names one key twice is
 * refused whole. SPEC: TUF specification §4.2.1, §5.3.4
 */
export function requireThreshold(envelope: Envelope, role: RoleKeys, keys: Readonly<Record<string, TufKey>>): void {
  const named = envelope.signatures.map(({ keyid }) => keyid);
  if (new Set(named).size !== named.length) throw new TufError('signature_repeated', 'one key id signs twice');
  const message = signedBytes(envelope.signed);
  const allowed = new Set(role.keyids);
  const counted = new Set<string>();
  for (const { keyid, sig } of envelope.signatures) {
    const key = allowed.has(keyid) ? keys[keyid] : undefined;
    const publicKey = key && publicKeyOf(key);
    if (publicKey && verifies(publicKey, message, sig)) counted.add(fingerprint(publicKey));
  }
  if (counted.size < role.threshold) {
    const { _type: type, version } = envelope.signed;
    throw new TufError('signature_threshold', `${type} ${version}: ${counted.size} of ${role.threshold} signatures`);
  }
}

function verifies(publicKey: KeyObject, message: Uint8Array, sig: string): boolean {
  if (sig === '' || sig.length > 1024 || sig.length % 2 !== 0 || !/^[0-9a-f]+$/.test(sig)) return false;
  return verify('sha256', message, publicKey, Buffer.from(sig, 'hex'));
}

/** The key itself, however its PEM is written. */
function fingerprint(publicKey: KeyObject): string {
  return publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
}

function publicKeyOf(key: TufKey): KeyObject {
  try {
    const publicKey = createPublicKey(key.keyval.public);
    if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('not P-256');
    return publicKey;
  } catch (cause) {
    throw new TufError('key_unsupported', 'a key of the root is not ECDSA P-256 in PEM', { cause });
  }
}
