import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { SerializedBundle } from '@sigstore/bundle';
import { decodePem } from '@sigstead/formats';
import { post, postJson, sendOk } from './http.ts';

/** An entry of the Rekor v2 log as it was answered. Integers are texts. */
export interface LogEntry {
  readonly logIndex: string;
  readonly canonicalizedBody: string;
  readonly inclusionProof: {
    readonly logIndex: string;
    readonly treeSize: string;
    readonly rootHash: string;
    readonly hashes: readonly string[];
    readonly checkpoint: { readonly envelope: string };
  };
}

/** What was answered to one signer, from certificate to log entry. */
export interface Signed {
  readonly artifact: Buffer<ArrayBuffer>;
  readonly leaf: Buffer<ArrayBuffer>;
  readonly timestamp: Buffer<ArrayBuffer>;
  readonly entry: LogEntry;
  readonly bundle: SerializedBundle;
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function newKey(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** The body of a request for a certificate. `subject` is what the proof of possession is made over. */
export function certificateRequest(wish: { token: string; subject: string; key: KeyPair }): Record<string, unknown> {
  return {
    credentials: { oidcIdentityToken: wish.token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: wish.key.publicKey.export({ type: 'spki', format: 'pem' }) },
      proofOfPossession: sign('sha256', Buffer.from(wish.subject), wish.key.privateKey).toString('base64'),
    },
  };
}

/** Asks for a certificate; resolves with the leaf's DER. Rejects with UnexpectedStatus when refused. */
export async function requestCertificate(
  url: string,
  wish: { token: string; subject: string; key: KeyPair },
): Promise<Buffer<ArrayBuffer>> {
  const { bytes } = await sendOk(`${url}/api/v2/signingCert`, 200, postJson(certificateRequest(wish)));
  const answer = JSON.parse(bytes.toString('utf8')) as {
    signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
  };
  const [leaf] = decodePem(answer.signedCertificateEmbeddedSct.chain.certificates[0] ?? '');
  if (leaf === undefined) throw new Error('no certificate in the answer');
  return Buffer.from(leaf.bytes);
}

/** A whole RFC 3161 answer over a signature. */
export async function requestTimestamp(url: string, signature: Uint8Array): Promise<Buffer<ArrayBuffer>> {
  const wish = { artifactHash: sha256(signature).toString('base64'), hashAlgorithm: 'sha256' };
  const { bytes } = await sendOk(`${url}/api/v1/timestamp`, 200, postJson(wish));
  return Buffer.from(bytes);
}

/** The body that logs a signature over an artifact's digest. */
export function entryRequest(wish: { artifact: Uint8Array; signature: Buffer; leaf: Buffer }): Record<string, unknown> {
  return {
    hashedRekordRequestV002: {
      digest: sha256(wish.artifact).toString('base64'),
      signature: {
        content: wish.signature.toString('base64'),
        verifier: {
          x509Certificate: { rawBytes: wish.leaf.toString('base64') },
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        },
      },
    },
  };
}

export async function logSignature(url: string, body: Record<string, unknown>): Promise<LogEntry> {
  const { bytes } = await sendOk(`${url}/api/v2/log/entries`, 201, postJson(body));
  return JSON.parse(bytes.toString('utf8')) as LogEntry;
}

/** Calls that tell, as they come in, what was answered: what counts when the instance dies in the middle. */
export interface SigningProgress {
  certificate?(leaf: Buffer<ArrayBuffer>): void;
}

/** Signs an artifact as a client does: new key, certificate, timestamp, log entry; resolves with all of it. */
export async function signArtifact(
  url: string,
  who: { token: string; email: string },
  artifact: Buffer<ArrayBuffer>,
  progress: SigningProgress = {},
): Promise<Signed> {
  const key = newKey();
  const leaf = await requestCertificate(url, { token: who.token, subject: who.email, key });
  progress.certificate?.(leaf);
  const signature = sign('sha256', artifact, key.privateKey);
  const timestamp = await requestTimestamp(url, signature);
  const entry = await logSignature(url, entryRequest({ artifact, signature, leaf }));
  const bundle = bundleOf({ artifact, leaf, timestamp, entry, signature });
  return { artifact, leaf, timestamp, entry, bundle };
}

/** SPEC: sigstore_bundle.proto, media type v0.3 */
function bundleOf(parts: Omit<Signed, 'bundle'> & { signature: Buffer }): SerializedBundle {
  const base64 = (bytes: Buffer): string => bytes.toString('base64');
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: {
      certificate: { rawBytes: base64(parts.leaf) },
      tlogEntries: [parts.entry],
      timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: base64(parts.timestamp) }] },
    },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: base64(sha256(parts.artifact)) },
      signature: base64(parts.signature),
    },
  } as unknown as SerializedBundle;
}

/** A token of one of the instance's development issuers. */
export async function devToken(url: string, wish: Record<string, unknown>): Promise<string> {
  const { bytes } = await sendOk(`${url}/oidc/dev/token`, 200, post(JSON.stringify(wish)));
  return (JSON.parse(bytes.toString('utf8')) as { token: string }).token;
}
