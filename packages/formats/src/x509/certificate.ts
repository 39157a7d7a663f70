import { DerError } from '../der/errors.ts';
import { type DerCursor, type DerElement, readDer } from '../der/reader.ts';
import { contextConstructed, contextPrimitive, Tag } from '../der/tags.ts';

/** One extension; `value` is the content of extnValue, `raw` the whole SEQUENCE. */
export interface CertificateExtension {
  oid: string;
  critical: boolean;
  value: Uint8Array;
  raw: Uint8Array;
}

/** AlgorithmIdentifier: dotted identifier and the raw parameters, if any. */
export interface AlgorithmIdentifier {
  oid: string;
  parameters: Uint8Array | undefined;
  raw: Uint8Array;
}

/** A certificate taken apart; every `Uint8Array` is a view of `der`. Nothing here is verified. */
export interface ParsedCertificate {
  der: Uint8Array;
  tbs: Uint8Array;
  version: number;
  /** INTEGER content octets. */
  serial: Uint8Array;
  signatureAlgorithm: AlgorithmIdentifier;
  /** Raw DER Name. */
  issuer: Uint8Array;
  notBeforeMs: number;
  notAfterMs: number;
  /** Raw DER Name. */
  subject: Uint8Array;
  /** Raw SubjectPublicKeyInfo. */
  spki: Uint8Array;
  extensions: CertificateExtension[];
  signature: Uint8Array;
}

const MAX_EXTENSIONS = 100;

/**
 * Takes a certificate apart, strictly: DER only, no trailing bytes, no repeated extension, inner and outer signature algorithm equal.
 * Throws DerError. SPEC: RFC 5280 §4.1
 */
export function parseCertificate(der: Uint8Array): ParsedCertificate {
  const outer = expectSequence(readDer(der)).children();
  const tbs = outer.next(Tag.sequence);
  const signatureAlgorithm = readAlgorithm(outer.next(Tag.sequence));
  const signature = outer.next(Tag.bitString).bitStringOctets();
  outer.end();
  const fields = readTbs(tbs.children());
  if (Buffer.compare(fields.innerAlgorithm.raw, signatureAlgorithm.raw) !== 0)
    throw new DerError('bad_structure', 'inner and outer signature algorithm differ');
  const { innerAlgorithm: _inner, ...rest } = fields;
  return { der, tbs: tbs.raw, signatureAlgorithm, signature, ...rest };
}

/** AlgorithmIdentifier. SPEC: RFC 5280 §4.1.1.2 */
export function readAlgorithm(element: DerElement): AlgorithmIdentifier {
  const cursor = expectSequence(element).children();
  const oid = cursor.next(Tag.oid).oid();
  const parameters = cursor.done ? undefined : cursor.next().raw;
  cursor.end();
  return { oid, parameters, raw: element.raw };
}

type TbsFields = Omit<ParsedCertificate, 'der' | 'tbs' | 'signatureAlgorithm' | 'signature'> & {
  innerAlgorithm: AlgorithmIdentifier;
};

function readTbs(cursor: DerCursor): TbsFields {
  const version = readVersion(cursor.optional(contextConstructed(0)));
  const serial = cursor.next(Tag.integer).integerContent();
  const innerAlgorithm = readAlgorithm(cursor.next(Tag.sequence));
  const issuer = cursor.next(Tag.sequence).raw;
  const validity = cursor.next(Tag.sequence).children();
  const notBeforeMs = validity.next().timeMs();
  const notAfterMs = validity.next().timeMs();
  validity.end();
  const subject = cursor.next(Tag.sequence).raw;
  const spki = cursor.next(Tag.sequence).raw;
  cursor.optional(contextPrimitive(1));
  cursor.optional(contextPrimitive(2));
  const extensions = readExtensions(cursor.optional(contextConstructed(3)));
  cursor.end();
  return { version, serial, innerAlgorithm, issuer, notBeforeMs, notAfterMs, subject, spki, extensions };
}

function readVersion(element: DerElement | undefined): number {
  if (!element) return 1;
  const cursor = element.children();
  const content = cursor.next(Tag.integer).integerContent();
  cursor.end();
  if (content.length !== 1 || (content[0] !== 1 && content[0] !== 2))
    throw new DerError('bad_structure', 'certificate version is neither 2 nor 3');
  return content[0] + 1;
}

function readExtensions(element: DerElement | undefined): CertificateExtension[] {
  if (!element) return [];
  const explicit = element.children();
  const list = explicit.next(Tag.sequence).children();
  explicit.end();
  const extensions: CertificateExtension[] = [];
  const seen = new Set<string>();
  while (!list.done) {
    const extension = readExtension(list.next(Tag.sequence));
    if (seen.has(extension.oid)) throw new DerError('bad_structure', `extension ${extension.oid} repeated`);
    if (extensions.length >= MAX_EXTENSIONS) throw new DerError('too_large', `more than ${MAX_EXTENSIONS} extensions`);
    seen.add(extension.oid);
    extensions.push(extension);
  }
  if (extensions.length === 0) throw new DerError('bad_structure', 'empty list of extensions');
  return extensions;
}

function readExtension(element: DerElement): CertificateExtension {
  const cursor = element.children();
  const oid = cursor.next(Tag.oid).oid();
  const flag = cursor.optional(Tag.boolean);
  if (flag && !flag.boolean()) throw new DerError('bad_boolean', 'DEFAULT FALSE is encoded');
  const value = cursor.next(Tag.octetString).octetString();
  cursor.end();
  return { oid, critical: flag !== undefined, value, raw: element.raw };
}

function expectSequence(element: DerElement): DerElement {
  if (element.tag !== Tag.sequence)
    throw new DerError('unexpected_tag', `expected SEQUENCE, found tag 0x${element.tag.toString(16)}`);
  return element;
}
