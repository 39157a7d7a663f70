import { createHash } from 'node:crypto';
import { contextConstructed, DerWriter, Tag } from '@sigstead/formats';
import type { TsaChain } from './chain.ts';
import { hashInfo } from './hashes.ts';
import type { AcceptedRequest, RequestExtension } from './request.ts';
import type { SignatureScheme } from './signature-schemes.ts';

const ID_SIGNED_DATA = '1.2.840.113549.1.7.2';
const ID_CT_TST_INFO = '1.2.840.113549.1.9.16.1.4';
const ID_CONTENT_TYPE = '1.2.840.113549.1.9.3';
const ID_MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const ID_SIGNING_TIME = '1.2.840.113549.1.9.5';
const ID_SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';

/** Accuracy we state: one second. */
export const ACCURACY_SEC = 1;

/** What one token says. */
export interface TokenFacts {
  request: AcceptedRequest;
  /** Big-endian magnitude. */
  serial: Uint8Array;
  genTimeMs: number;
}

/** A token before its signature. `signedAttributes` is the SET that is signed. */
export interface UnsignedToken {
  tstInfo: Uint8Array;
  signedAttributes: Uint8Array;
}

/** DER is written last field first; read the bodies below from the bottom up. */
export function prepareToken(facts: TokenFacts, chain: TsaChain, scheme: SignatureScheme): UnsignedToken {
  const tstInfo = encodeTstInfo(facts, chain);
  return { tstInfo, signedAttributes: encodeSignedAttributes(facts, tstInfo, chain, scheme) };
}

/**
 * TimeStampResp with status granted. Certificates only when the request asked for them.
 * SPEC: RFC 3161 §2.4.2; RFC 5652 §3, §5.1
 */
export function finishToken(input: {
  unsigned: UnsignedToken;
  signature: Uint8Array;
  chain: TsaChain;
  scheme: SignatureScheme;
  certificates: readonly Uint8Array[];
}): Uint8Array {
  const { unsigned, signature, chain, scheme, certificates } = input;
  const w = new DerWriter(2048 + unsigned.tstInfo.length);
  const end = w.mark();
  writeSignerInfos(w, unsigned, signature, chain, scheme);
  const certificatesEnd = w.mark();
  for (const certificate of certificates.toReversed()) w.raw(certificate);
  w.wrap(contextConstructed(0), certificatesEnd);
  writeContent(w, unsigned.tstInfo);
  const digests = w.mark();
  writeAlgorithm(w, hashInfo(scheme.hash).oid, false);
  w.wrap(Tag.set, digests);
  w.smallInteger(3);
  w.wrap(Tag.sequence, end);
  w.wrap(contextConstructed(0), end);
  w.oid(ID_SIGNED_DATA);
  w.wrap(Tag.sequence, end);
  const status = w.mark();
  w.smallInteger(0);
  w.wrap(Tag.sequence, status);
  w.wrap(Tag.sequence, end);
  return w.finish();
}

/** SPEC: RFC 3161 §2.4.2 (TSTInfo) */
function encodeTstInfo({ request, serial, genTimeMs }: TokenFacts, { leaf }: TsaChain): Uint8Array {
  const w = new DerWriter(512 + (request.nonce?.length ?? 0));
  const end = w.mark();
  writeExtensions(w, request.extensions);
  const tsa = w.mark();
  w.raw(leaf.subject);
  w.wrap(contextConstructed(4), tsa);
  w.wrap(contextConstructed(0), tsa);
  if (request.nonce) w.primitive(Tag.integer, request.nonce);
  const accuracy = w.mark();
  w.smallInteger(ACCURACY_SEC);
  w.wrap(Tag.sequence, accuracy);
  w.generalizedTime(genTimeMs);
  w.unsignedInteger(serial);
  const imprint = w.mark();
  w.octetString(request.digest);
  writeAlgorithm(w, hashInfo(request.hash).oid, true);
  w.wrap(Tag.sequence, imprint);
  w.oid(request.policy);
  w.smallInteger(1);
  w.wrap(Tag.sequence, end);
  return w.finish();
}

/** [1] IMPLICIT Extensions; nothing when there are none. SPEC: RFC 3161 §2.4.2 */
function writeExtensions(w: DerWriter, extensions: readonly RequestExtension[]): void {
  if (extensions.length === 0) return;
  const list = w.mark();
  for (const extension of extensions.toReversed()) {
    const end = w.mark();
    w.octetString(extension.value);
    if (extension.critical) w.true();
    w.oidContent(extension.oid);
    w.wrap(Tag.sequence, end);
  }
  w.wrap(contextConstructed(1), list);
}

/**
 * The four attributes in DER order of a SET OF, which is also the order that upstream sends.
 * SPEC: RFC 5652 §5.4, §11; X.690 §11.6
 */
function encodeSignedAttributes(
  facts: TokenFacts,
  tstInfo: Uint8Array,
  chain: TsaChain,
  scheme: SignatureScheme,
): Uint8Array {
  const w = new DerWriter(512);
  const end = w.mark();
  writeAttribute(w, ID_SIGNING_CERTIFICATE_V2, () => writeSigningCertificate(w, facts, chain));
  writeAttribute(w, ID_MESSAGE_DIGEST, () => w.octetString(createHash(scheme.hash).update(tstInfo).digest()));
  writeAttribute(w, ID_SIGNING_TIME, () => w.time(facts.genTimeMs));
  writeAttribute(w, ID_CONTENT_TYPE, () => w.oid(ID_CT_TST_INFO));
  w.wrap(Tag.set, end);
  return w.finish();
}

function writeAttribute(w: DerWriter, oid: string, writeValue: () => void): void {
  const end = w.mark();
  writeValue();
  w.wrap(Tag.set, end);
  w.oid(oid);
  w.wrap(Tag.sequence, end);
}

/**
 * SigningCertificateV2 with one ESSCertIDv2, issuerSerial included. The certificate is hashed with the imprint's
 * algorithm, as upstream does; SHA-256 is the default and its identifier is left out.
 * SPEC: RFC 5035 §3, §4
 */
function writeSigningCertificate(w: DerWriter, { request }: TokenFacts, { leaf }: TsaChain): void {
  const end = w.mark();
  w.primitive(Tag.integer, leaf.serial);
  const names = w.mark();
  w.raw(leaf.issuer);
  w.wrap(contextConstructed(4), names);
  w.wrap(Tag.sequence, names);
  w.wrap(Tag.sequence, end);
  w.octetString(createHash(request.hash).update(leaf.der).digest());
  if (request.hash !== 'sha256') writeAlgorithm(w, hashInfo(request.hash).oid, true);
  w.wrap(Tag.sequence, end);
  w.wrap(Tag.sequence, end);
  w.wrap(Tag.sequence, end);
}

/** SPEC: RFC 5652 §5.3 */
function writeSignerInfos(
  w: DerWriter,
  unsigned: UnsignedToken,
  signature: Uint8Array,
  { leaf }: TsaChain,
  scheme: SignatureScheme,
): void {
  const end = w.mark();
  w.octetString(signature);
  writeAlgorithm(w, scheme.signatureOid, scheme.nullParameters);
  w.raw(unsigned.signedAttributes.subarray(1));
  // The same SET, sent under [0] IMPLICIT: only the tag differs from what was signed. SPEC: RFC 5652 §5.4
  w.octet(contextConstructed(0));
  writeAlgorithm(w, hashInfo(scheme.hash).oid, false);
  const sid = w.mark();
  w.primitive(Tag.integer, leaf.serial);
  w.raw(leaf.issuer);
  w.wrap(Tag.sequence, sid);
  w.smallInteger(1);
  w.wrap(Tag.sequence, end);
  w.wrap(Tag.set, end);
}

/** EncapsulatedContentInfo. SPEC: RFC 5652 §5.2 */
function writeContent(w: DerWriter, tstInfo: Uint8Array): void {
  const end = w.mark();
  w.octetString(tstInfo);
  w.wrap(contextConstructed(0), end);
  w.oid(ID_CT_TST_INFO);
  w.wrap(Tag.sequence, end);
}

function writeAlgorithm(w: DerWriter, oid: string, nullParameters: boolean): void {
  const end = w.mark();
  if (nullParameters) w.null();
  w.oid(oid);
  w.wrap(Tag.sequence, end);
}
