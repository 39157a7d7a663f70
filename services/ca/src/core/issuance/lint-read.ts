import { contextConstructed, decodeOidContent, DerError, type DerElement, readDer, Tag } from '@sigstead/formats';

/** One extension as it was read back. */
export interface ReadExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

export interface ReadTime {
  readonly tag: number;
  readonly ms: number;
}

/** A to-be-signed certificate read back from its bytes, by code that shares nothing with the encoder. */
export interface ReadTbs {
  readonly version: bigint;
  readonly serial: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly issuer: Uint8Array;
  readonly notBefore: ReadTime;
  readonly notAfter: ReadTime;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly extensions: readonly ReadExtension[];
}

/** SPEC: RFC 5280 §4.1.2. Throws DerError for anything that is not exactly the shape of a leaf. */
export function readTbs(bytes: Uint8Array): ReadTbs {
  const top = readDer(bytes);
  if (top.tag !== Tag.sequence) throw new DerError('unexpected_tag', 'TBSCertificate is a SEQUENCE');
  const fields = top.children();
  const version = fields.next(contextConstructed(0)).children().next(Tag.integer).bigInteger();
  const serial = fields.next(Tag.integer).integerContent();
  const signatureAlgorithm = fields.next(Tag.sequence).raw;
  const issuer = fields.next(Tag.sequence).raw;
  const validity = fields.next(Tag.sequence).children();
  const notBefore = readTime(validity.next());
  const notAfter = readTime(validity.next());
  validity.end();
  const subject = fields.next(Tag.sequence).raw;
  const spki = fields.next(Tag.sequence).raw;
  const extensions = readExtensions(fields.next(contextConstructed(3)));
  fields.end();
  return { version, serial, signatureAlgorithm, issuer, notBefore, notAfter, subject, spki, extensions };
}

function readTime(element: DerElement): ReadTime {
  return { tag: element.tag, ms: element.timeMs() };
}

/** Dotted forms of the identifiers our own certificates hold: a small set, met again in each. */
const oids = new Map<string, string>();

function readOid(content: Uint8Array): string {
  const key = Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
  const known = oids.get(key);
  if (known !== undefined) return known;
  const dotted = decodeOidContent(content);
  if (oids.size < 256) oids.set(key, dotted);
  return dotted;
}

function readExtensions(element: DerElement): ReadExtension[] {
  const explicit = element.children();
  const list = explicit.next(Tag.sequence).children();
  explicit.end();
  const extensions: ReadExtension[] = [];
  while (!list.done) {
    const cursor = list.next(Tag.sequence).children();
    const oid = readOid(cursor.next(Tag.oid).content);
    const flag = cursor.optional(Tag.boolean);
    if (flag?.boolean() === false) throw new DerError('bad_boolean', 'DEFAULT FALSE is encoded');
    const value = cursor.next(Tag.octetString).octetString();
    cursor.end();
    extensions.push({ oid, critical: flag !== undefined, value });
  }
  return extensions;
}

/** The content of `value` as one element of `tag` that fills it. */
export function only(value: Uint8Array, tag: number): DerElement {
  const element = readDer(value);
  if (element.tag !== tag) throw new DerError('unexpected_tag', `expected tag ${tag}, found ${element.tag}`);
  return element;
}
