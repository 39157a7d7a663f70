import { Oid } from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { TsaSetupError } from './errors.ts';
import type { HashName } from './hashes.ts';

/** How one kind of key signs CMS. */
export interface SignatureScheme {
  /** Digest over the eContent, and inside the signature. */
  hash: HashName;
  signatureOid: string;
  /** SPEC: RFC 5754 §3.2: NULL for RSA; §3.3: absent for ECDSA. */
  nullParameters: boolean;
}

/** The hash that matches the curve; the order of clients' support is P-256, P-384, RSA. */
export function signatureScheme(algorithm: Signer['algorithm']): SignatureScheme {
  switch (algorithm) {
    case 'ecdsa-p256-sha256':
      return { hash: 'sha256', signatureOid: Oid.ecdsaSha256, nullParameters: false };
    case 'ecdsa-p384-sha384':
      return { hash: 'sha384', signatureOid: Oid.ecdsaSha384, nullParameters: false };
    case 'ecdsa-p521-sha512':
      return { hash: 'sha512', signatureOid: Oid.ecdsaSha512, nullParameters: false };
    case 'rsa-pkcs1-sha256':
      return { hash: 'sha256', signatureOid: Oid.rsaSha256, nullParameters: true };
    case 'ed25519':
      throw new TsaSetupError('unsupported_key', {
        message: 'an Ed25519 key cannot sign timestamps that clients verify',
        remedy: 'use an ECDSA P-256 key for the timestamp authority',
      });
  }
}
