import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { certificate, isCa } from './certificates.ts';
import type { HashedRekordRequest } from './entries.ts';

const VECTORS = new URL('../../../../test/vectors/', import.meta.url);

/** A digest with a signature over it that holds, and the key. */
export interface Signed {
  label: string;
  algorithm: 'SHA2_256' | 'SHA2_384' | 'SHA2_512';
  spki: Buffer;
  digest: Buffer;
  signature: Buffer;
}

const signedWith =
  (label: string, file: string, hash: 'sha256' | 'sha384' | 'sha512') =>
  (message: string): Signed => {
    const key = createPrivateKey(readFileSync(new URL(`recorded/keys/${file}.pem`, VECTORS)));
    return {
      label,
      algorithm: `SHA2_${hash.slice(3) as '256' | '384' | '512'}`,
      spki: createPublicKey(key).export({ format: 'der', type: 'spki' }),
      digest: createHash(hash).update(message).digest(),
      signature: sign(hash, Buffer.from(message), key),
    };
  };

interface Ed25519phVector {
  message: string;
  spki: string;
  signature: string;
}

/** Made by Go's crypto/ed25519: the platform signs nothing over a digest. */
export const ED25519PH = JSON.parse(readFileSync(new URL('ed25519ph.json', VECTORS), 'utf8')) as Ed25519phVector[];

let used = 0;
function prehashed(): Signed {
  const { message, spki, signature } = ED25519PH[used++ % ED25519PH.length]!;
  return {
    label: 'PKIX_ED25519_PH',
    algorithm: 'SHA2_512',
    spki: Buffer.from(spki, 'base64'),
    digest: createHash('sha512').update(message).digest(),
    signature: Buffer.from(signature, 'base64'),
  };
}

/** The seven algorithms; each gives another entry for another message, Ed25519ph another one each time. */
export const ALGORITHMS: readonly ((message: string) => Signed)[] = [
  signedWith('PKIX_RSA_PKCS1V15_2048_SHA256', 'c-rsa2048', 'sha256'),
  signedWith('PKIX_RSA_PKCS1V15_3072_SHA256', 'c-rsa3072', 'sha256'),
  signedWith('PKIX_RSA_PKCS1V15_4096_SHA256', 'c-rsa4096', 'sha256'),
  signedWith('PKIX_ECDSA_P256_SHA_256', 'c-p256', 'sha256'),
  signedWith('PKIX_ECDSA_P384_SHA_384', 'c-p384', 'sha384'),
  signedWith('PKIX_ECDSA_P521_SHA_512', 'c-p521', 'sha512'),
  prehashed,
];

export const p256 = signedWith('PKIX_ECDSA_P256_SHA_256', 'c-p256', 'sha256');

const CODE_SIGNING = { oid: '2.5.29.37', value: Buffer.from('300a06082b06010505070303', 'hex') };
const issuer = certificate({ subject: 'issuer', extensions: [isCa()] });

/** A certificate of that key, whose ten minutes are long over. */
export function expiredCertificate(spki: Buffer): Buffer {
  return certificate({
    subject: 'leaf',
    issuer,
    extensions: [CODE_SIGNING],
    key: { privateKey: issuer.privateKey, spki },
  }).der;
}

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** The request for it; `changes` take the place of parts of it. */
export function requestOf(
  signed: Signed,
  changes: {
    verifier?: Record<string, unknown>;
    keyDetails?: string | number;
    digest?: Uint8Array;
    content?: Uint8Array;
  } = {},
): HashedRekordRequest {
  const verifier = changes.verifier ?? { publicKey: { rawBytes: b64(signed.spki) } };
  return {
    hashedRekordRequestV002: {
      digest: b64(changes.digest ?? signed.digest),
      signature: {
        content: b64(changes.content ?? signed.signature),
        verifier: { ...verifier, keyDetails: (changes.keyDetails ?? signed.label) as string },
      },
    },
  };
}

/** The leaf of an entry, written from the specification and not with the code under test. */
export function leafOf(
  signed: Signed,
  verifier: { kind: 'publicKey' | 'x509Certificate'; rawBytes: Uint8Array },
): string {
  const data = `{"algorithm":"${signed.algorithm}","digest":"${b64(signed.digest)}"}`;
  const by = `{"keyDetails":"${signed.label}","${verifier.kind}":{"rawBytes":"${b64(verifier.rawBytes)}"}}`;
  const spec = `{"data":${data},"signature":{"content":"${b64(signed.signature)}","verifier":${by}}}`;
  return `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":${spec}}}`;
}
