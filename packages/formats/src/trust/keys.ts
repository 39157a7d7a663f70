import { createPublicKey, type KeyObject } from 'node:crypto';
import { Oid } from '../x509/oids.ts';
import { parseSpki } from '../x509/spki.ts';
import { TrustError } from './errors.ts';

/** A log's public key as far as trust documents need it. */
export interface TrustKey {
  family: 'ecdsa' | 'ed25519' | 'rsa';
  /** Name in the algorithm registry. */
  details: string;
  spki: Uint8Array;
  /** Content of the SPKI's BIT STRING: for Ed25519 the 32-byte key. */
  raw: Uint8Array;
}

const ECDSA_DETAILS: Readonly<Record<string, string>> = {
  prime256v1: 'PKIX_ECDSA_P256_SHA_256',
  secp384r1: 'PKIX_ECDSA_P384_SHA_384',
  secp521r1: 'PKIX_ECDSA_P521_SHA_512',
};

/**
 * Reads a SubjectPublicKeyInfo, strictly, and names its algorithm. `details` given must be one that fits the key.
 * Throws `pem_not_der`, `key_invalid`, `key_type_unsupported`, `key_details_mismatch`.
 * SPEC: sigstore_common.proto PublicKeyDetails
 */
export function readLogKey(spki: Uint8Array, details: string | undefined, path: string): TrustKey {
  refusePem(spki, path);
  const { algorithm, raw, key } = parseKey(spki, path);
  const usable = usableDetails(algorithm, key, path);
  const chosen = details ?? usable[0] ?? '';
  if (!usable.includes(chosen)) {
    throw new TrustError(
      'key_details_mismatch',
      path,
      `keyDetails ${chosen} does not fit the key (${usable.join(', ')})`,
    );
  }
  const family = algorithm === Oid.ecPublicKey ? 'ecdsa' : algorithm === Oid.ed25519 ? 'ed25519' : 'rsa';
  return { family, details: chosen, spki, raw };
}

function parseKey(spki: Uint8Array, path: string): { algorithm: string; raw: Uint8Array; key: KeyObject } {
  try {
    const { algorithm, key: raw } = parseSpki(spki);
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    if (!key.export({ format: 'der', type: 'spki' }).equals(spki)) throw new Error('encoding is not the usual one');
    return { algorithm: algorithm.oid, raw, key };
  } catch (cause) {
    throw new TrustError('key_invalid', path, 'not a SubjectPublicKeyInfo in DER', { cause });
  }
}

/** Usual name first. Deprecated and experimental names are left out on purpose. */
function usableDetails(algorithm: string, key: KeyObject, path: string): string[] {
  const curve = ECDSA_DETAILS[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (algorithm === Oid.ecPublicKey && curve !== undefined) return [curve];
  if (algorithm === Oid.ed25519) return ['PKIX_ED25519', 'PKIX_ED25519_PH'];
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (algorithm === Oid.rsaEncryption && [2048, 3072, 4096].includes(bits)) {
    return [`PKIX_RSA_PKCS1V15_${bits}_SHA256`, `PKIX_RSA_PSS_${bits}_SHA256`];
  }
  throw new TrustError('key_type_unsupported', path, `no client reads this kind of key (${algorithm})`);
}

/** SPEC: sigstore_common.proto: `raw_bytes` is DER, never PEM. */
export function refusePem(bytes: Uint8Array, path: string): void {
  if (!(bytes instanceof Uint8Array)) throw new TrustError('document_malformed', path, 'not bytes');
  if (Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart().startsWith('-----BEGIN')) {
    throw new TrustError('pem_not_der', path, 'PEM text where DER bytes belong');
  }
}
