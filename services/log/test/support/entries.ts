import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { pae } from '@sigstead/formats';

export interface TestKey {
  spki: Buffer;
  privateKey: KeyObject;
}

export function newKey(): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { spki: publicKey.export({ type: 'spki', format: 'der' }), privateKey };
}

export interface HashedRekordRequest {
  hashedRekordRequestV002: {
    digest: string;
    signature: { content: string; verifier: Record<string, unknown> & { keyDetails: string } };
  };
}

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** A request whose signature holds. */
export function hashedRekord(key: TestKey, message: string): HashedRekordRequest {
  const digest = createHash('sha256').update(message).digest();
  const content = b64(sign('sha256', Buffer.from(message), key.privateKey));
  const verifier = { publicKey: { rawBytes: b64(key.spki) }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  return { hashedRekordRequestV002: { digest: b64(digest), signature: { content, verifier } } };
}

/** A DSSE request; `signatures` and `verifiers` say how many of each. */
export function dsse(key: TestKey, payload: string, signatures = 1, verifiers = 1): Record<string, unknown> {
  const payloadType = 'application/vnd.in-toto+json';
  const encoded = pae(payloadType, Buffer.from(payload));
  const signature = { sig: b64(sign('sha256', encoded, key.privateKey)), keyid: '' };
  const verifier = { publicKey: { rawBytes: b64(key.spki) }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  return {
    dsseRequestV002: {
      envelope: {
        payload: b64(Buffer.from(payload)),
        payloadType,
        signatures: Array<unknown>(signatures).fill(signature),
      },
      verifiers: Array<unknown>(verifiers).fill(verifier),
    },
  };
}
