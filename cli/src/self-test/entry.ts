import { createHash } from 'node:crypto';
import {
  noteVerifier,
  parseSignedCheckpoint,
  publicKeyFromSpki,
  type VerificationModel,
  verifyNote,
} from '@sigstead/formats';
import { createTreeHasher, verifyInclusion } from '@sigstead/merkle';
import { request } from '../http-client.ts';
import { asBytes, asJson, asList, asSize, asText, demand, type Json, parseJson, sameBytes } from './check.ts';

const PART = 'the Rekor v2 log';
const hasher = createTreeHasher((data) => createHash('sha256').update(data).digest());

export interface EntryRequest {
  readonly logUrl: string;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  readonly certificate: Uint8Array;
}

/** Logs a signature; resolves with the entry as answered. */
export async function logEntry(wish: EntryRequest): Promise<Json> {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const verifier = { x509Certificate: { rawBytes: base64(wish.certificate) }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  const body = {
    hashedRekordRequestV002: { digest: base64(wish.digest), signature: { content: base64(wish.signature), verifier } },
  };
  const answer = await request(`${wish.logUrl}/api/v2/log/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    // The log answers after its commit; a cold database may take a moment.
    timeoutMs: 20_000,
  });
  demand(answer.status === 201, PART, `answered ${answer.status}: ${answer.bytes.toString('utf8').slice(0, 300)}`);
  return parseJson(PART, answer.bytes);
}

/** What was logged is what was sent, it is in the tree, and a published key signed that tree. */
export function checkEntry(entry: Json, wish: EntryRequest, trust: VerificationModel): void {
  const body = asBytes(PART, entry['canonicalizedBody']);
  const spec = asJson(PART, asJson(PART, parseJson(PART, body)['spec'])['hashedRekordV002']);
  const content = asJson(PART, spec['signature'])['content'];
  demand(sameBytes(asBytes(PART, content), wish.signature), PART, 'another signature was logged');
  demand(
    sameBytes(asBytes(PART, asJson(PART, spec['data'])['digest']), wish.digest),
    PART,
    'another digest was logged',
  );
  const proof = asJson(PART, entry['inclusionProof']);
  const envelope = asText(PART, asJson(PART, proof['checkpoint'])['envelope']);
  const checkpoint = checkCheckpoint(envelope, trust);
  verifyInclusion({
    hasher,
    index: asSize(PART, proof['logIndex']),
    size: checkpoint.size,
    leafHash: hasher.leaf(body),
    proof: asList(PART, proof['hashes'] ?? []).map((hash) => asBytes(PART, hash)),
    root: checkpoint.root,
  });
  demand(asSize(PART, proof['treeSize']) === checkpoint.size, PART, 'proof and checkpoint differ in size');
  demand(
    sameBytes(asBytes(PART, proof['rootHash']), checkpoint.root),
    PART,
    'proof and checkpoint differ in their root',
  );
}

/** A checkpoint whose origin is the log's host and whose signature verifies. Throws SelfTestError. */
export function checkCheckpoint(envelope: string, trust: VerificationModel): { size: number; root: Uint8Array } {
  const { checkpoint, note } = parseSignedCheckpoint(envelope);
  const log = trust.tlogs.find(({ baseUrl }) => new URL(baseUrl).hostname === checkpoint.origin);
  demand(log !== undefined, PART, `no published log has the origin ${checkpoint.origin}`);
  const verified = verifyNote(note, [noteVerifier(checkpoint.origin, publicKeyFromSpki(log.spki))]);
  demand(verified.length > 0, PART, 'the checkpoint is not signed by the published key');
  return checkpoint;
}

/** The log's newest checkpoint, verified. */
export async function fetchCheckpoint(logUrl: string, trust: VerificationModel): Promise<{ size: number }> {
  const { status, bytes } = await request(`${logUrl}/checkpoint`);
  demand(status === 200, PART, `/checkpoint answered ${status}`);
  return checkCheckpoint(bytes.toString('utf8'), trust);
}
