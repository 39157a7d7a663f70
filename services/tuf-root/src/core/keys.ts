import { createHash } from 'node:crypto';
import { encodePem, olpc } from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';
import { TufError } from './errors.ts';
import type { TufKey } from './metadata.ts';

/** A key with the id that strict clients recompute. */
export interface IdentifiedKey {
  keyId: string;
  key: TufKey;
}

/** A signer of one role with its key as published. */
export interface RoleSigner extends IdentifiedKey {
  signer: Signer;
}

/** Throws `key_unsupported` for any key that is not ECDSA P-256. */
export function roleSigner(signer: Signer): RoleSigner {
  if (signer.algorithm !== 'ecdsa-p256-sha256') {
    throw new TufError('key_unsupported', `TUF roles sign with ECDSA P-256, not ${signer.algorithm}`);
  }
  const key: TufKey = {
    keytype: 'ecdsa',
    keyval: { public: encodePem('PUBLIC KEY', signer.spki) },
    scheme: 'ecdsa-sha2-nistp256',
  };
  return { signer, key, keyId: keyIdOf(key) };
}

/** SHA-256 over the canonical form of the whole key object, in hexadecimal. SPEC: TUF specification §4.2 KEYID */
export function keyIdOf(key: object): string {
  return createHash('sha256').update(olpc(key)).digest('hex');
}
