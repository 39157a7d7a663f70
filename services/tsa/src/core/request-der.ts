import { FieldCursor, type Header, Shapes } from './asn1-cursor.ts';
import { hashByOid, type HashName } from './hashes.ts';
import { dottedFromContent } from './oid.ts';
import { Refusal } from './refusal.ts';
import type { ParsedRequest, RequestExtension } from './request.ts';

/** Octets of a nonce that we echo. Upstream has no bound of its own; clients send 8 to 20. */
export const MAX_NONCE_OCTETS = 64 * 1024;
/** Extensions of one request. */
export const MAX_EXTENSIONS = 1024;

/**
 * A DER TimeStampReq. Throws Refusal `malformed`. The version is read and not judged, unknown elements are skipped:
 * both as upstream does it (recorded).
 * SPEC: RFC 3161 §2.4.1
 */
export function parseDerRequest(bytes: Uint8Array): ParsedRequest {
  const outer = new FieldCursor(bytes);
  const request = outer.required(Shapes.sequence);
  if (request.end !== bytes.length) throw new Refusal('malformed', 'bytes after the request');
  const fields = outer.inside(request);
  readVersion(fields);
  const { hash, digest } = readImprint(fields);
  const policy = fields.optional(Shapes.oid);
  // The order of the optional fields is fixed: evaluation order matters here.
  const policyText = policy && dottedFromContent(fields.content(policy));
  const nonce = readNonce(fields);
  const certReq = readCertReq(fields);
  const extensions = readExtensions(fields);
  if (digest.length === 0) throw new Refusal('malformed', 'empty digest');
  if (hash === undefined) throw new Refusal('malformed', 'unknown imprint algorithm');
  return { hash, digest, policy: policyText, nonce, certReq, extensions };
}

function readVersion(fields: FieldCursor): void {
  const content = integerContent(fields, fields.required(Shapes.integer));
  if (content.length > 8) throw new Refusal('malformed', 'version over 64 bits');
}

/** Algorithm parameters may be absent, NULL or anything else: the token says NULL in every case. */
function readImprint(fields: FieldCursor): { hash: HashName | 'weak' | undefined; digest: Uint8Array } {
  const imprint = fields.inside(fields.required(Shapes.sequence));
  const algorithm = imprint.inside(imprint.required(Shapes.sequence));
  const oid = dottedFromContent(algorithm.content(algorithm.required(Shapes.oid)));
  algorithm.any();
  const digest = imprint.content(imprint.required(Shapes.octetString));
  return { hash: hashByOid(oid), digest };
}

function readNonce(fields: FieldCursor): Uint8Array | undefined {
  const element = fields.optional(Shapes.integer);
  if (element === undefined) return undefined;
  const content = integerContent(fields, element);
  if (content.length > MAX_NONCE_OCTETS) throw new Refusal('malformed', `nonce over ${MAX_NONCE_OCTETS} octets`);
  return content;
}

function readCertReq(fields: FieldCursor): boolean {
  const element = fields.optional(Shapes.boolean);
  return element === undefined ? false : booleanContent(fields, element);
}

function readExtensions(fields: FieldCursor): RequestExtension[] {
  const element = fields.optional(Shapes.context0);
  if (element === undefined) return [];
  const list = fields.inside(element);
  const extensions: RequestExtension[] = [];
  while (!list.done) {
    if (extensions.length >= MAX_EXTENSIONS) throw new Refusal('malformed', `over ${MAX_EXTENSIONS} extensions`);
    extensions.push(readExtension(list.inside(list.required(Shapes.sequence))));
  }
  return extensions;
}

/** SPEC: RFC 5280 §4.1 (Extension) */
function readExtension(fields: FieldCursor): RequestExtension {
  const oid = fields.content(fields.required(Shapes.oid));
  dottedFromContent(oid);
  const flag = fields.optional(Shapes.boolean);
  const critical = flag === undefined ? false : booleanContent(fields, flag);
  return { oid, critical, value: fields.content(fields.required(Shapes.octetString)) };
}

/** SPEC: X.690 §8.3.2: minimal. */
function integerContent(fields: FieldCursor, element: Header): Uint8Array {
  const content = fields.content(element);
  const [first, second] = content;
  if (first === undefined) throw new Refusal('malformed', 'empty INTEGER');
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    throw new Refusal('malformed', 'INTEGER not minimal');
  return content;
}

/** SPEC: X.690 §11.1 */
function booleanContent(fields: FieldCursor, element: Header): boolean {
  const content = fields.content(element);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
    throw new Refusal('malformed', 'BOOLEAN is neither 00 nor FF');
  return content[0] === 0xff;
}
