import { verify } from 'node:crypto';
import { CURVES } from './curves.ts';
import { verifyEcdsaDigest } from './ecdsa-digest.ts';
import { ecdsaReadings } from './ecdsa-signature.ts';
import { verifyEd25519ph } from './ed25519ph.ts';
import type { ParsedKey } from './public-key.ts';
import { HASH_SIZES, type HashName, type KeyDetails, type KeyKind } from './registry.ts';
import { isVerifiableRsa, verifyRsaPkcs1Digest } from './rsa-digest.ts';

/** Whether a key really is what a label says: kind and, for RSA labels that name one, modulus size. */
export function keyFitsDetails(key: ParsedKey, details: KeyDetails): boolean {
  return key.kind === details.kind && (details.bits === undefined || details.bits === key.bits);
}

/**
 * Whether `signature` over a digest was made by `key` under the scheme that `details` names. False too when key and label
 * do not fit, the digest has another length than the label's hash, or the scheme signs no digest (pure Ed25519, ML-DSA)
 * or is not one logs take (RSA-PSS). ECDSA signatures may be DER or IEEE P1363.
 */
export function verifyDigest(key: ParsedKey, details: KeyDetails, digest: Uint8Array, signature: Uint8Array): boolean {
  const { hash } = details;
  if (hash === undefined || digest.length !== HASH_SIZES[hash] || !keyFitsDetails(key, details)) return false;
  switch (details.scheme) {
    case 'ecdsa':
      return verifyEcdsaDigest(key, digest, signature);
    case 'rsa-pkcs1':
      return verifyRsaPkcs1Digest(key, hash, digest, signature);
    case 'ed25519ph':
      return key.raw !== undefined && verifyEd25519ph(key.raw, digest, signature);
    default:
      return false;
  }
}

const MESSAGE_HASHES: Partial<Record<KeyKind, HashName>> = {
  'ecdsa-p256': 'sha256',
  'ecdsa-p384': 'sha384',
  'ecdsa-p521': 'sha512',
  rsa: 'sha256',
};

/** The hash a key signs messages with when nobody says otherwise; undefined for Ed25519 and for keys that never sign. */
export function defaultMessageHash(kind: KeyKind): HashName | undefined {
  return MESSAGE_HASHES[kind];
}

/**
 * Whether `signature` over `message` was made by `key` with its default algorithm: ECDSA with the hash of its size (DER or
 * IEEE P1363), RSA PKCS#1 v1.5 with SHA-256, pure Ed25519. False for all other keys. `hash` replaces the default (CSRs).
 */
export function verifyMessage(
  key: ParsedKey,
  message: Uint8Array,
  signature: Uint8Array,
  hash: HashName | undefined = defaultMessageHash(key.kind),
): boolean {
  if (key.kind === 'ed25519') return signature.length === 64 && verify(null, message, key.keyObject, signature);
  if (hash === undefined) return false;
  if (key.kind === 'rsa') return isVerifiableRsa(key) && verify(hash, message, key.keyObject, signature);
  const curve = CURVES[key.kind];
  if (curve === undefined) return false;
  return ecdsaReadings(signature, curve.bytes).some((reading) =>
    verify(hash, message, { key: key.keyObject, dsaEncoding: 'ieee-p1363' }, reading),
  );
}
