import { createHash } from 'node:crypto';

/** A reader that shares no line with the writer: plain recursion over TLVs, for tests on small trusted input. */
export interface Tlv {
  tag: number;
  raw: Buffer;
  content: Buffer;
}

export function tlvs(bytes: Buffer): Tlv[] {
  const out: Tlv[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at);
    let length = bytes.readUInt8(at + 1);
    let header = 2;
    if (length > 0x80) {
      const octets = length - 0x80;
      length = bytes.readUIntBE(at + 2, octets);
      header += octets;
    }
    const end = at + header + length;
    if (end > bytes.length || length === 0x80) throw new Error('test decoder: cut off');
    out.push({ tag, raw: bytes.subarray(at, end), content: bytes.subarray(at + header, end) });
    at = end;
  }
  return out;
}

/** The elements inside one element. */
export function inside(tlv: Tlv | undefined): Tlv[] {
  if (!tlv) throw new Error('test decoder: missing element');
  return tlvs(tlv.content);
}

export function oidText(content: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}

const small = (tlv: Tlv | undefined): number => tlv?.content.readIntBE(0, tlv.content.length) ?? Number.NaN;
const hexTag = (tag: number): string => `0x${tag.toString(16)}`;
const VOLATILE = new Set(['1.2.840.113549.1.9.5', '1.2.840.113549.1.9.4']);

/** The parts of an answer, for tests that look into it. */
export interface TokenParts {
  trailing: number;
  status: Tlv[];
  contentInfo: Tlv[];
  signedData: Tlv[];
  tstInfo: Tlv;
  fields: Tlv[];
  signerInfos: Tlv[];
  signerInfo: Tlv[];
}

export function tokenParts(response: Buffer): TokenParts {
  const [outer] = tlvs(response);
  const [status, token] = inside(outer);
  const contentInfo = inside(token);
  const signedData = inside(inside(contentInfo[1])[0]);
  const encap = inside(signedData[2]);
  const tstInfo = tlvs(inside(encap[1])[0]?.content ?? Buffer.alloc(0))[0];
  if (!outer || !tstInfo) throw new Error('test decoder: no TSTInfo');
  const signerInfos = inside(signedData.at(-1));
  return {
    trailing: response.length - outer.raw.length,
    status: inside(status),
    contentInfo,
    signedData,
    tstInfo,
    fields: inside(tstInfo),
    signerInfos,
    signerInfo: inside(signerInfos[0]),
  };
}

/** The description of a token that the recorded answers use. */
export function describeToken(response: Buffer): Record<string, unknown> {
  const parts = tokenParts(response);
  const { signedData, signerInfo } = parts;
  const certificates = signedData.find((element) => element.tag === 0xa0);
  return {
    status: small(parts.status[0]),
    trailingBytes: parts.trailing,
    contentType: oidText(parts.contentInfo[0]?.content ?? Buffer.alloc(0)),
    signedDataVersion: small(signedData[0]),
    digestAlgorithms: inside(signedData[1]).map((a) => oidText(inside(a)[0]?.content ?? Buffer.alloc(0))),
    eContentType: oidText(inside(signedData[2])[0]?.content ?? Buffer.alloc(0)),
    certificates: certificates ? inside(certificates).map((c) => createHash('sha256').update(c.raw).digest('hex')) : [],
    certificatesFieldPresent: certificates !== undefined,
    signerInfos: parts.signerInfos.length,
    signerInfoVersion: small(signerInfo[0]),
    sidTag: hexTag(signerInfo[1]?.tag ?? 0),
    signerDigestAlgorithmHex: signerInfo[2]?.raw.toString('hex'),
    signedAttributes: inside(signerInfo[3]).map(describeAttribute),
    signatureAlgorithmHex: signerInfo[4]?.raw.toString('hex'),
    unsignedAttributes: signerInfo[6] !== undefined,
    tstInfo: describeTstInfo(parts.fields),
  };
}

function describeAttribute(attribute: Tlv): Record<string, unknown> {
  const [type, values] = inside(attribute);
  const oid = oidText(type?.content ?? Buffer.alloc(0));
  const value = inside(values)[0];
  if (VOLATILE.has(oid)) return { oid, volatile: true, valueTag: hexTag(value?.tag ?? 0) };
  return { oid, valueHex: value?.raw.toString('hex') };
}

function describeTstInfo(fields: Tlv[]): Record<string, unknown> {
  const [version, policy, imprint, serial, genTime, ...rest] = fields;
  const hexOf = (tag: number): string | undefined => rest.find((field) => field.tag === tag)?.raw.toString('hex');
  const optional = { nonceHex: hexOf(0x02), accuracyHex: hexOf(0x30), tsaHex: hexOf(0xa0), extensionsHex: hexOf(0xa1) };
  return {
    version: small(version),
    policy: oidText(policy?.content ?? Buffer.alloc(0)),
    messageImprintHex: imprint?.raw.toString('hex'),
    serialNumberLength: serial?.content.length,
    serialNumberPositive: (serial?.content[0] ?? 0x80) < 0x80,
    genTimeForm: genTime?.content.toString('latin1').replace(/[0-9]/g, '9'),
    order: fields.map((field) => hexTag(field.tag)),
    ...Object.fromEntries(Object.entries(optional).filter(([, hex]) => hex !== undefined)),
  };
}

/** genTime of an answer as it stands in the token. */
export function genTimeText(response: Buffer): string {
  return tokenParts(response).fields[4]?.content.toString('latin1') ?? '';
}

/** Serial content octets in hex. */
export function serialHex(response: Buffer): string {
  return tokenParts(response).fields[3]?.content.toString('hex') ?? '';
}
