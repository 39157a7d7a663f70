import { constants, publicDecrypt } from 'node:crypto';
import type { ParsedKey } from './public-key.ts';
import { HASH_SIZES, type HashName } from './registry.ts';

/** DigestInfo up to the digest, NULL parameters included. SPEC: RFC 8017 §9.2 note 1 */
const DIGEST_INFO: Readonly<Record<HashName, Uint8Array>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

/** Smaller keys prove nothing, larger ones cost a verifier too much. Upstream's library refuses under 1024 as well. */
const MIN_BITS = 1024;
const MAX_BITS = 8192;
const MAX_EXPONENT = 2n ** 31n - 1n;

/**
 * Whether this package verifies anything with an RSA key of that size and exponent. With exponent 1 every padded digest
 * is its own signature, which OpenSSL would take; even ones belong to no key pair. The bounds are upstream's library's.
 */
export function isVerifiableRsa(key: ParsedKey): boolean {
  if (key.kind !== 'rsa' || key.bits === undefined || key.rsa === undefined) return false;
  const { exponent } = key.rsa;
  const usable = exponent > 1n && exponent % 2n === 1n && exponent <= MAX_EXPONENT;
  return usable && key.bits >= MIN_BITS && key.bits <= MAX_BITS;
}

/**
 * Whether a PKCS#1 v1.5 signature over a digest was made by an RSA key: the whole encoded message is compared, nothing is
 * parsed out of it. False for keys of other kinds, sizes outside 1024 … 8192 bits and unusable exponents.
 * SPEC: RFC 8017 §8.2.2, §9.2
 */
export function verifyRsaPkcs1Digest(
  key: ParsedKey,
  hash: HashName,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!isVerifiableRsa(key) || digest.length !== HASH_SIZES[hash]) return false;
  const size = Math.ceil((key.bits ?? 0) / 8);
  if (signature.length !== size) return false;
  const info = Buffer.concat([DIGEST_INFO[hash], digest]);
  const padding = Buffer.alloc(size - info.length - 3, 0xff);
  const expected = Buffer.concat([Buffer.of(0, 1), padding, Buffer.of(0), info]);
  try {
    return publicDecrypt({ key: key.keyObject, padding: constants.RSA_NO_PADDING }, signature).equals(expected);
  } catch {
    // OpenSSL refuses a signature not below the modulus, and moduli or exponents it will not compute with.
    return false;
  }
}
