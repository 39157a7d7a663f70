import { verify } from 'node:crypto';
import type { ParsedKey } from '../algorithms/public-key.ts';
import type { KeyKind } from '../algorithms/registry.ts';
import { FormatError } from '../errors.ts';
import { TlsReader, uint, vector } from './tls.ts';

/** SPEC: RFC 5246 §7.4.1.4.1 */
export const TlsHash = { sha256: 4 } as const;
export const TlsSignature = { rsa: 1, ecdsa: 3 } as const;

/** A signature with the names of its algorithms. SPEC: RFC 5246 §4.7 */
export interface DigitallySigned {
  readonly hashAlgorithm: number;
  readonly signatureAlgorithm: number;
  readonly signature: Uint8Array;
}

export function encodeDigitallySigned(signed: DigitallySigned): Uint8Array {
  const { hashAlgorithm, signatureAlgorithm, signature } = signed;
  return Buffer.concat([uint(hashAlgorithm, 1), uint(signatureAlgorithm, 1), vector(signature, 2)]);
}

export function readDigitallySigned(reader: TlsReader): DigitallySigned {
  return { hashAlgorithm: reader.uint(1), signatureAlgorithm: reader.uint(1), signature: reader.vector(2) };
}

/** Throws `tls_malformed`, also for bytes after the structure. */
export function decodeDigitallySigned(bytes: Uint8Array): DigitallySigned {
  const reader = new TlsReader(bytes);
  const signed = readDigitallySigned(reader);
  reader.end();
  return signed;
}

/** The signature algorithm a CT log key is announced with; undefined for keys no CT client takes. SPEC: RFC 6962 §2.1.4 */
function ctSignatureAlgorithm(kind: KeyKind): number | undefined {
  if (kind === 'rsa') return TlsSignature.rsa;
  return kind === 'ecdsa-p256' || kind === 'ecdsa-p384' || kind === 'ecdsa-p521' ? TlsSignature.ecdsa : undefined;
}

/** A CT log's signature (ECDSA in DER, or RSA PKCS#1 v1.5, over SHA-256) in its envelope. Throws `key_unparsable`. */
export function ctDigitallySigned(kind: KeyKind, signature: Uint8Array): Uint8Array {
  const signatureAlgorithm = ctSignatureAlgorithm(kind);
  if (signatureAlgorithm === undefined) throw new FormatError('key_unparsable', `no CT log signs with ${kind}`);
  return encodeDigitallySigned({ hashAlgorithm: TlsHash.sha256, signatureAlgorithm, signature });
}

/**
 * Whether a DigitallySigned over `message` was made by a CT log key with SHA-256. False too when the announced algorithms
 * are not those of the key. ECDSA signatures must be DER: nothing else is understood by CT clients.
 */
export function verifyCtSignature(key: ParsedKey, message: Uint8Array, digitallySigned: Uint8Array): boolean {
  let signed: DigitallySigned;
  try {
    signed = decodeDigitallySigned(digitallySigned);
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
  if (signed.hashAlgorithm !== TlsHash.sha256 || signed.signatureAlgorithm !== ctSignatureAlgorithm(key.kind))
    return false;
  return verify('sha256', message, key.keyObject, signed.signature);
}
