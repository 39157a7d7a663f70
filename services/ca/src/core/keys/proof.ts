import { type ParsedKey, verifyMessage } from '@sigstead/formats';

export type KeyHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** Longest signature any permitted key makes, with room. */
const MAX_SIGNATURE_BYTES = 1024;

/** The hash that belongs to a key; null for Ed25519, which hashes itself; undefined for keys that never sign here. */
export function defaultHash(key: ParsedKey): KeyHash | null | undefined {
  switch (key.kind) {
    case 'ecdsa-p256':
    case 'rsa':
      return 'sha256';
    case 'ecdsa-p384':
      return 'sha384';
    case 'ecdsa-p521':
      return 'sha512';
    case 'ed25519':
      return null;
    default:
      return undefined;
  }
}

/**
 * Whether `signature` over `text` (UTF-8) was made by `key` with its own hash: ECDSA as DER or as r‖s, RSA as
 * PKCS#1 v1.5, Ed25519 pure.
 */
export function provesPossession(key: ParsedKey, text: string, signature: Uint8Array): boolean {
  if (signature.length === 0 || signature.length > MAX_SIGNATURE_BYTES) return false;
  return verifyMessage(key, Buffer.from(text, 'utf8'), signature);
}
