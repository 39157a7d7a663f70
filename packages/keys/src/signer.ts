import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { KeyError } from './errors.ts';

/** What a signature is made with; the hash belongs to the key, it is never chosen per call. */
export type SignatureAlgorithm =
  | 'ecdsa-p256-sha256'
  | 'ecdsa-p384-sha384'
  | 'ecdsa-p521-sha512'
  | 'rsa-pkcs1-sha256'
  | 'ed25519';

/**
 * The port through which every service signs. A backend (file, PKCS#11, KMS) owns the private key and never gives it out.
 *
 * `sign` hashes `message` itself and returns ECDSA as ASN.1 DER, RSA as PKCS#1 v1.5, Ed25519 as 64 octets. What it returns has been
 * verified with `publicKey`; a signature that does not verify is never returned but thrown as `signature_wrong`. A backend that is out of
 * reach rejects; nothing is retried here. A local backend answers without a promise so that hot paths need not wait for a turn.
 */
export interface Signer {
  readonly algorithm: SignatureAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  readonly publicKey: KeyObject;
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** A signer whose key is in this process. */
export interface LocalSigner extends Signer {
  sign(message: Uint8Array): Uint8Array;
}

const HASHES: Record<SignatureAlgorithm, string | null> = {
  'ecdsa-p256-sha256': 'sha256',
  'ecdsa-p384-sha384': 'sha384',
  'ecdsa-p521-sha512': 'sha512',
  'rsa-pkcs1-sha256': 'sha256',
  ed25519: null,
};

const CURVES: Record<string, SignatureAlgorithm> = {
  prime256v1: 'ecdsa-p256-sha256',
  secp384r1: 'ecdsa-p384-sha384',
  secp521r1: 'ecdsa-p521-sha512',
};

/** The one algorithm a key signs with. Throws `key_unsupported`. */
export function signatureAlgorithmOf(key: KeyObject): SignatureAlgorithm {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType === 'rsa') {
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (bits < 2048 || bits > 4096)
      throw new KeyError('key_unsupported', `RSA key of ${bits} bits; 2048 to 4096 are usable`);
    return 'rsa-pkcs1-sha256';
  }
  const curve = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? 'unknown';
  const algorithm = CURVES[curve];
  if (!algorithm)
    throw new KeyError('key_unsupported', `key of kind ${curve}; usable are P-256, P-384, P-521, RSA and Ed25519`);
  return algorithm;
}

/** Whether `signature` over `message` is the key's, under the key's own algorithm. Malformed signatures are `false`. */
export function verifySignature(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(HASHES[signatureAlgorithmOf(publicKey)], message, publicKey, signature);
}

/**
 * A signer over a private key held in this process. Signs and verifies once before it is returned, so that a key that does not work
 * stops the start and not the first request. Throws `key_unsupported`, `key_self_check_failed`.
 */
export function localSigner(privateKey: KeyObject): LocalSigner {
  const algorithm = signatureAlgorithmOf(privateKey);
  const publicKey = createPublicKey(privateKey);
  const hash = HASHES[algorithm];
  const signer: LocalSigner = {
    algorithm,
    publicKey,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    sign(message) {
      const signature = sign(hash, message, privateKey);
      if (!verify(hash, message, publicKey, signature))
        throw new KeyError('signature_wrong', `a signature by key ${fingerprint(signer.spki)} does not verify`);
      return signature;
    },
  };
  selfCheck(signer);
  return signer;
}

function selfCheck(signer: LocalSigner): void {
  try {
    signer.sign(Buffer.from('sigstead key self-check'));
  } catch (cause) {
    throw new KeyError('key_self_check_failed', `key ${fingerprint(signer.spki)} cannot sign: ${String(cause)}`, {
      cause,
    });
  }
}

/** First 16 hex digits of SHA-256 over the SubjectPublicKeyInfo: how operators name a key. */
export function fingerprint(spki: Uint8Array): string {
  return createHash('sha256').update(spki).digest('hex').slice(0, 16);
}
