import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { decodePem, DerWriter, Oid, Tag } from '@sigstead/formats';
import type { Instance } from '@sigstead/test/instance';
import type { LoadRequest } from './load.ts';

const JSON_HEADERS = { 'content-type': 'application/json' };
const EMAIL = 'bench@example.com';

/** A key pair with its proof of possession over the identity, as a client would make it. */
interface ClientKey {
  privateKey: KeyObject;
  publicKeyPem: string;
  proof: string;
}

function clientKeys(count: number): ClientKey[] {
  return Array.from({ length: count }, () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return {
      privateKey,
      publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      proof: sign('sha256', Buffer.from(EMAIL), privateKey).toString('base64'),
    };
  });
}

function certificateBody(token: string, key: ClientKey): Buffer {
  return Buffer.from(
    JSON.stringify({
      credentials: { oidcIdentityToken: token },
      publicKeyRequest: { publicKey: { algorithm: 'ECDSA', content: key.publicKeyPem }, proofOfPossession: key.proof },
    }),
  );
}

/** Certificates with embedded SCT: one token, `distinctKeys` keys in turn. */
export async function certificateRequests(
  instance: Instance,
  count: number,
  distinctKeys = 512,
): Promise<LoadRequest[]> {
  const token = await instance.token({ email: EMAIL });
  const bodies = clientKeys(distinctKeys).map((key) => certificateBody(token, key));
  return Array.from({ length: count }, (_, i) => ({
    method: 'POST',
    path: '/api/v2/signingCert',
    headers: JSON_HEADERS,
    body: bodies[i % bodies.length] ?? Buffer.alloc(0),
    expect: 200,
  }));
}

/** Rekor v2 entries, all distinct, each signed by a real certificate of the instance: about 2.9 KB each in the log. */
export async function entryRequests(instance: Instance, count: number, certificates = 64): Promise<LoadRequest[]> {
  const token = await instance.token({ email: EMAIL });
  const signers: { key: KeyObject; certificate: string }[] = [];
  for (const key of clientKeys(certificates)) {
    const response = await fetch(`${instance.url}/api/v2/signingCert`, {
      method: 'POST',
      headers: JSON_HEADERS,
      body: certificateBody(token, key),
    });
    const answer = (await response.json()) as { signedCertificateEmbeddedSct: { chain: { certificates: string[] } } };
    const [leaf] = decodePem(answer.signedCertificateEmbeddedSct.chain.certificates[0] ?? '');
    signers.push({ key: key.privateKey, certificate: Buffer.from(leaf?.bytes ?? []).toString('base64') });
  }
  return Array.from({ length: count }, (_, i) => entryRequest(signers[i % signers.length]));
}

function entryRequest(signer: { key: KeyObject; certificate: string } | undefined): LoadRequest {
  if (signer === undefined) throw new Error('no certificate to sign with');
  const artifact = randomBytes(32);
  const digest = createHash('sha256').update(artifact).digest('base64');
  const content = sign('sha256', artifact, signer.key).toString('base64');
  const verifier = { x509Certificate: { rawBytes: signer.certificate }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  const body = Buffer.from(JSON.stringify({ hashedRekordRequestV002: { digest, signature: { content, verifier } } }));
  return { method: 'POST', path: '/api/v2/log/entries', headers: JSON_HEADERS, body, expect: 201 };
}

/** DER timestamp requests over distinct SHA-256 digests, certificate asked for. */
export function timestampRequests(count: number): LoadRequest[] {
  return Array.from({ length: count }, () => ({
    method: 'POST',
    path: '/api/v1/timestamp',
    headers: { 'content-type': 'application/timestamp-query' },
    body: timestampQuery(randomBytes(32)),
    expect: 200,
  }));
}

/** TimeStampReq. SPEC: RFC 3161 §2.4.1 */
function timestampQuery(digest: Uint8Array): Uint8Array {
  const writer = new DerWriter(128);
  const end = writer.mark();
  writer.true();
  const imprint = writer.mark();
  writer.octetString(digest);
  const algorithm = writer.mark();
  writer.null();
  writer.oid(Oid.sha256);
  writer.wrap(Tag.sequence, algorithm);
  writer.wrap(Tag.sequence, imprint);
  writer.smallInteger(1);
  writer.wrap(Tag.sequence, end);
  return writer.finish();
}
