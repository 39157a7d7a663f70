import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { KeyError } from './errors.ts';
import { type LocalSigner, localSigner, type SignatureAlgorithm } from './signer.ts';

/** A signer from PEM text (PKCS#8 or SEC1, unencrypted). Throws `key_unreadable`, `key_unsupported`, `key_self_check_failed`. */
export function signerFromPem(pem: string): LocalSigner {
  return localSigner(privateKeyFromPem(pem));
}

/** The private key of a PEM text, for libraries that need the key itself. Throws `key_unreadable`. */
export function privateKeyFromPem(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new KeyError('key_unreadable', 'not an unencrypted PEM private key', { cause });
  }
}

/** A new private key as PKCS#8 PEM. The caller owns where it is kept (mode 0600) and for how long. */
export function generatePrivateKeyPem(algorithm: SignatureAlgorithm): string {
  return generate(algorithm).export({ type: 'pkcs8', format: 'pem' }).toString();
}

function generate(algorithm: SignatureAlgorithm): KeyObject {
  switch (algorithm) {
    case 'ecdsa-p256-sha256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'ecdsa-p384-sha384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    case 'ecdsa-p521-sha512':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
    case 'rsa-pkcs1-sha256':
      return generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey;
  }
}
