import { createHash, createPublicKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { type DerCursor, type DerElement, readDer, Tag, verifyX509Signature } from '@sigstead/formats';
import type { TsaChain } from './chain.ts';
import { Outage } from './errors.ts';
import { hashInfo } from './hashes.ts';
import type { SignatureScheme } from './signature-schemes.ts';
import type { TokenFacts } from './token.ts';

/** Checks a finished answer the way a client will, with the key from the leaf. Throws Outage `self_check_failed`. */
export type SelfCheck = (response: Uint8Array, facts: TokenFacts) => void;

/**
 * The last gate before an answer leaves: it is read back from its bytes, so that neither a wrong signature nor a wrong
 * encoding of ours gets out. Policy, imprint, serial, time, nonce and the signature over the signed attributes must be the ones meant.
 * SPEC: RFC 3161 §2.2, §2.4.2; RFC 5652 §5.6
 */
export function createSelfCheck(chain: TsaChain, scheme: SignatureScheme): SelfCheck {
  const leafKey = createPublicKey({ key: Buffer.from(chain.leaf.spki), format: 'der', type: 'spki' });
  return (response, facts) => {
    try {
      check(response, facts, leafKey, scheme);
    } catch (cause) {
      throw new Outage('self_check_failed', cause instanceof Error ? cause.message : 'unreadable token', cause);
    }
  };
}

function check(response: Uint8Array, facts: TokenFacts, leafKey: KeyObject, scheme: SignatureScheme): void {
  const { tstInfo, signerInfo } = readSignedData(response);
  checkTstInfo(readDer(tstInfo, { maxBytes: tstInfo.length }).children(), facts);
  const { signedAttributes, signature } = readSignerInfo(signerInfo);
  const attributes = readDer(signedAttributes).children();
  skip(attributes, 2);
  const [, digests] = pair(attributes.next(Tag.sequence));
  const digest = digests.children().next(Tag.octetString).octetString();
  same('message digest', digest, createHash(scheme.hash).update(tstInfo).digest());
  const good = verifyX509Signature({
    algorithmOid: scheme.signatureOid,
    message: signedAttributes,
    signature,
    key: leafKey,
  });
  if (!good) throw new Error('signature does not verify with the key in the leaf');
}

function readSignedData(response: Uint8Array): { tstInfo: Uint8Array; signerInfo: DerElement } {
  const outer = readDer(response, { maxBytes: response.length }).children();
  skip(outer, 1);
  const [, explicit] = pair(outer.next(Tag.sequence));
  outer.end();
  const signedData = explicit.children().next(Tag.sequence).children();
  skip(signedData, 2);
  const [, content] = pair(signedData.next(Tag.sequence));
  const tstInfo = content.children().next(Tag.octetString).octetString();
  skip(signedData, 1);
  const signerInfos = signedData.next(Tag.set).children();
  signedData.end();
  const signerInfo = signerInfos.next(Tag.sequence);
  signerInfos.end();
  return { tstInfo, signerInfo };
}

function checkTstInfo(fields: DerCursor, { request, serial, genTimeMs }: TokenFacts): void {
  skip(fields, 1);
  if (fields.next(Tag.oid).oid() !== request.policy) throw new Error('policy differs');
  const [algorithm, digest] = pair(fields.next(Tag.sequence));
  if (algorithm.children().next(Tag.oid).oid() !== hashInfo(request.hash).oid) throw new Error('imprint hash differs');
  same('imprint', digest.octetString(), request.digest);
  const serialRead = fields.next(Tag.integer);
  if (serialRead.bigInteger() <= 0n || serialRead.content.length > 20) throw new Error('serial out of range');
  same('serial', serialRead.content, serial);
  const genTime = fields.next(Tag.generalizedTime).timeMs();
  if (genTime !== genTimeMs) throw new Error('genTime differs');
  skip(fields, 1);
  const nonce = fields.optional(Tag.integer)?.content;
  if ((nonce === undefined) !== (request.nonce === undefined)) throw new Error('nonce missing or invented');
  if (nonce !== undefined && request.nonce !== undefined) same('nonce', nonce, request.nonce);
}

function readSignerInfo(signerInfo: DerElement): { signedAttributes: Uint8Array; signature: Uint8Array } {
  const fields = signerInfo.children();
  skip(fields, 3);
  const signedAttributes = Uint8Array.from(fields.next(0xa0).raw);
  // What was signed carries the tag of SET, not [0]. SPEC: RFC 5652 §5.4
  signedAttributes[0] = Tag.set;
  skip(fields, 1);
  const signature = fields.next(Tag.octetString).octetString();
  fields.end();
  return { signedAttributes, signature };
}

function skip(cursor: DerCursor, count: number): void {
  for (let i = 0; i < count; i++) cursor.next();
}

function pair(element: DerElement): [DerElement, DerElement] {
  const cursor = element.children();
  const both: [DerElement, DerElement] = [cursor.next(), cursor.next()];
  cursor.end();
  return both;
}

function same(what: string, read: Uint8Array, meant: Uint8Array): void {
  if (read.length !== meant.length || !timingSafeEqual(read, meant)) throw new Error(`${what} differs`);
}
