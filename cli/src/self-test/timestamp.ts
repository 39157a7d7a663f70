import { createPublicKey, verify } from 'node:crypto';
import {
  contextConstructed,
  type DerCursor,
  parseCertificate,
  readDer,
  Tag,
  type VerificationModel,
} from '@sigstead/formats';
import { request } from '../http-client.ts';
import { demand, sameBytes, sha256 } from './check.ts';

const PART = 'the timestamp authority';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';

/** Asks for a timestamp over a signature, as sigstore-js does; resolves with the whole DER answer. */
export async function requestTimestamp(url: string, signature: Uint8Array): Promise<Uint8Array> {
  const answer = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ artifactHash: sha256(signature).toString('base64'), hashAlgorithm: 'sha256' }),
  });
  demand(answer.status === 200 || answer.status === 201, PART, `answered ${answer.status}`);
  return answer.bytes;
}

/**
 * The token is over this signature, recent, and signed by the leaf of a published chain.
 * SPEC: RFC 3161 §2.4.2; RFC 5652 §5.4 (the signature is over the attributes as a SET)
 */
export function checkTimestamp(response: Uint8Array, signature: Uint8Array, trust: VerificationModel): void {
  const { tstInfo, attributes, tokenSignature } = openResponse(response);
  const imprint = readTstInfo(tstInfo);
  demand(sameBytes(imprint.hash, sha256(signature)), PART, 'the token is over something else');
  demand(Math.abs(imprint.genTimeMs - Date.now()) < 60_000, PART, 'the token has another time');
  demand(sameBytes(messageDigest(attributes), sha256(tstInfo)), PART, 'the token does not sign its own content');
  const asSet = Buffer.concat([Buffer.of(Tag.set), attributes.subarray(1)]);
  const leaves = trust.timestampAuthorities.flatMap(({ chain }) => chain.slice(0, 1));
  const signed = leaves.some((leaf) => {
    const key = createPublicKey({ key: Buffer.from(parseCertificate(leaf).spki), format: 'der', type: 'spki' });
    return verify('sha256', asSet, key, tokenSignature);
  });
  demand(signed, PART, 'the token is not signed by a published leaf');
}

interface OpenedToken {
  readonly tstInfo: Uint8Array;
  /** signedAttrs as transmitted, with their [0]. */
  readonly attributes: Uint8Array;
  readonly tokenSignature: Uint8Array;
}

function openResponse(response: Uint8Array): OpenedToken {
  const outer = readDer(response).children();
  const status = outer.next(Tag.sequence).children().next(Tag.integer).bigInteger();
  demand(status === 0n, PART, `status ${status}`);
  const contentInfo = outer.next(Tag.sequence).children();
  contentInfo.next(Tag.oid);
  const signedData = contentInfo.next(contextConstructed(0)).children().next(Tag.sequence).children();
  signedData.next(Tag.integer);
  signedData.next(Tag.set);
  const encapsulated = signedData.next(Tag.sequence).children();
  encapsulated.next(Tag.oid);
  const tstInfo = encapsulated.next(contextConstructed(0)).children().next(Tag.octetString).octetString();
  signedData.optional(contextConstructed(0));
  return { tstInfo, ...openSignerInfo(signedData.next(Tag.set).children().next(Tag.sequence).children()) };
}

function openSignerInfo(signerInfo: DerCursor): { attributes: Uint8Array; tokenSignature: Uint8Array } {
  signerInfo.next(Tag.integer);
  signerInfo.next(Tag.sequence);
  signerInfo.next(Tag.sequence);
  const attributes = signerInfo.next(contextConstructed(0)).raw;
  signerInfo.next(Tag.sequence);
  return { attributes, tokenSignature: signerInfo.next(Tag.octetString).octetString() };
}

function messageDigest(attributes: Uint8Array): Uint8Array {
  const all = readDer(attributes).children();
  while (!all.done) {
    const attribute = all.next(Tag.sequence).children();
    if (attribute.next(Tag.oid).oid() === MESSAGE_DIGEST) {
      return attribute.next(Tag.set).children().next(Tag.octetString).octetString();
    }
  }
  return new Uint8Array();
}

function readTstInfo(bytes: Uint8Array): { hash: Uint8Array; genTimeMs: number } {
  const info = readDer(bytes).children();
  info.next(Tag.integer);
  info.next(Tag.oid);
  const imprint = info.next(Tag.sequence).children();
  imprint.next(Tag.sequence);
  const hash = imprint.next(Tag.octetString).octetString();
  info.next(Tag.integer);
  return { hash, genTimeMs: info.next(Tag.generalizedTime).timeMs() };
}
