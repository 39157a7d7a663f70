import assert from 'node:assert/strict';
import { createHash, sign } from 'node:crypto';
import { encodeOidContent, Oid, parseSignedCheckpoint } from '@sigstead/formats';
import { verifyInclusion } from '@sigstead/merkle';
import { certificate, der, type TestCertificate, type TestExtension } from './certificates.ts';
import type { newKey } from './entries.ts';
import { hasher } from './test-log.ts';

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
export const hexSha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** One GeneralName: its tag and content. */
export const email = (text: string | Uint8Array): Buffer => der(0x81, Buffer.from(text));
export const dns = (text: string): Buffer => der(0x82, Buffer.from(text));
export const uri = (text: string | Uint8Array): Buffer => der(0x86, Buffer.from(text));
export const ip = (...bytes: number[]): Buffer => der(0x87, Buffer.from(bytes));
export const otherName = (oid: string, text: string): Buffer =>
  der(0xa0, der(0x06, encodeOidContent(oid)), der(0xa0, der(0x0c, Buffer.from(text))));

export const san = (...names: Uint8Array[]): TestExtension => ({
  oid: Oid.subjectAltName,
  critical: true,
  value: der(0x30, ...names),
});
export const bareIssuer = (text: string): TestExtension => ({
  oid: '1.3.6.1.4.1.57264.1.1',
  value: Buffer.from(text),
});
export const derIssuer = (text: string): TestExtension => ({
  oid: '1.3.6.1.4.1.57264.1.8',
  value: der(0x0c, Buffer.from(text)),
});

/** A self-made certificate: who issued it is not looked at. */
export function signerCertificate(...extensions: TestExtension[]): TestCertificate {
  return certificate({ subject: 'signer', extensions });
}

/** An entry of a certificate, or of a bare key. */
export function entryOf(signer: TestCertificate | ReturnType<typeof newKey>, message: string): Buffer {
  const content = b64(sign('sha256', Buffer.from(message), signer.privateKey));
  const holder =
    'der' in signer
      ? { x509Certificate: { rawBytes: b64(signer.der) } }
      : { publicKey: { rawBytes: b64(signer.spki) } };
  const digest = createHash('sha256').update(message).digest();
  const verifier = { ...holder, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  return Buffer.from(
    JSON.stringify({ hashedRekordRequestV002: { digest: b64(digest), signature: { content, verifier } } }),
  );
}

export interface Range {
  from: string;
  to: string;
}

export interface Found {
  logIndex: string;
  canonicalizedBody: string;
  inclusionProof: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
}

export interface Answer {
  authenticated: boolean;
  notice: string;
  hits: Found[];
  searched: Range;
  complete: boolean;
  missing: Range[];
  next: string;
  more: boolean;
  treeSize: string;
  rootHash: string;
  checkpoint: { envelope: string };
}

export async function search(
  url: string,
  terms: Readonly<Record<string, string>> | [string, string][],
): Promise<Answer> {
  const response = await fetch(`${url}/api/v2/search?${new URLSearchParams(terms).toString()}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const answer = JSON.parse(text) as Answer;
  for (const hit of answer.hits) assertProven(hit, answer);
  return answer;
}

/** Every hit under the one checkpoint of the answer. */
function assertProven({ logIndex, canonicalizedBody, inclusionProof: proof }: Found, answer: Answer): void {
  assert.equal(proof.logIndex, logIndex);
  assert.deepEqual(proof.checkpoint, answer.checkpoint);
  const { checkpoint } = parseSignedCheckpoint(answer.checkpoint.envelope);
  assert.equal(proof.treeSize, String(checkpoint.size));
  assert.equal(proof.rootHash, b64(checkpoint.root));
  verifyInclusion({
    hasher,
    index: Number(logIndex),
    size: checkpoint.size,
    leafHash: hasher.leaf(Buffer.from(canonicalizedBody, 'base64')),
    proof: proof.hashes.map((hash) => Buffer.from(hash, 'base64')),
    root: checkpoint.root,
  });
}

export const indexesIn = (answer: Pick<Answer, 'hits'>): number[] =>
  answer.hits.map(({ logIndex }) => Number(logIndex));

/** Submits an entry; resolves with its index once that was told. */
export async function post(url: string, body: Buffer): Promise<number> {
  const response = await fetch(`${url}/api/v2/log/entries`, { method: 'POST', body: new Uint8Array(body) });
  const text = await response.text();
  assert.equal(response.status, 201, text);
  return Number((JSON.parse(text) as Found).logIndex);
}
