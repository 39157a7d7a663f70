import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { ParsedCertificate } from './certificate.ts';
import { Oid } from './oids.ts';

interface SignatureScheme {
  hash: 'sha256' | 'sha384' | 'sha512' | null;
  keyType: 'ec' | 'rsa' | 'ed25519';
}

const SCHEMES: ReadonlyMap<string, SignatureScheme> = new Map([
  [Oid.ecdsaSha256, { hash: 'sha256', keyType: 'ec' }],
  [Oid.ecdsaSha384, { hash: 'sha384', keyType: 'ec' }],
  [Oid.ecdsaSha512, { hash: 'sha512', keyType: 'ec' }],
  [Oid.rsaSha256, { hash: 'sha256', keyType: 'rsa' }],
  [Oid.rsaSha384, { hash: 'sha384', keyType: 'rsa' }],
  [Oid.rsaSha512, { hash: 'sha512', keyType: 'rsa' }],
  [Oid.ed25519, { hash: null, keyType: 'ed25519' }],
]);

/**
 * Whether `signature` over `message` was made by `key` under the X.509 signature algorithm `algorithmOid`.
 * Unknown algorithms (SHA-1, RSA-PSS, …) and keys of another type are `false`, never an exception.
 */
export function verifyX509Signature(input: {
  algorithmOid: string;
  message: Uint8Array;
  signature: Uint8Array;
  key: KeyObject;
}): boolean {
  const scheme = SCHEMES.get(input.algorithmOid);
  if (!scheme || input.key.asymmetricKeyType !== scheme.keyType) return false;
  return verify(scheme.hash, input.message, input.key, input.signature);
}

/** Whether `issuer`'s key signed `certificate` and the names link up. Dates and constraints are the caller's rules. */
export function isIssuedBy(certificate: ParsedCertificate, issuer: ParsedCertificate): boolean {
  if (Buffer.compare(certificate.issuer, issuer.subject) !== 0) return false;
  try {
    const key = createPublicKey({ key: Buffer.from(issuer.spki), format: 'der', type: 'spki' });
    return verifyX509Signature({
      algorithmOid: certificate.signatureAlgorithm.oid,
      message: certificate.tbs,
      signature: certificate.signature,
      key,
    });
  } catch {
    // OpenSSL refuses the issuer's key (unknown curve, bad point): then it signed nothing.
    return false;
  }
}
