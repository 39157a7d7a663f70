import { DerError } from '../der/errors.ts';
import { readDer } from '../der/reader.ts';
import { contextPrimitive, Tag } from '../der/tags.ts';
import type { CertificateExtension, ParsedCertificate } from './certificate.ts';
import { Oid } from './oids.ts';

/** The extension with this identifier, if present. */
export function findExtension(certificate: ParsedCertificate, oid: string): CertificateExtension | undefined {
  return certificate.extensions.find((extension) => extension.oid === oid);
}

/** basicConstraints; `undefined` when absent. SPEC: RFC 5280 §4.2.1.9 */
export function basicConstraints(
  certificate: ParsedCertificate,
): { isCa: boolean; pathLength: number | undefined; critical: boolean } | undefined {
  const extension = findExtension(certificate, Oid.basicConstraints);
  if (!extension) return undefined;
  const cursor = readDer(extension.value).children();
  const flag = cursor.optional(Tag.boolean);
  const isCa = flag?.boolean() ?? false;
  const length = cursor.optional(Tag.integer)?.bigInteger();
  cursor.end();
  if (length !== undefined && (length < 0n || length > 255n))
    throw new DerError('bad_structure', 'path length outside 0-255');
  return { isCa, pathLength: length === undefined ? undefined : Number(length), critical: extension.critical };
}

/** Names of the key usage bits that matter here. SPEC: RFC 5280 §4.2.1.3 */
const KEY_USAGE_BITS = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
export type KeyUsage = (typeof KEY_USAGE_BITS)[number];

/** keyUsage bits that are set; `undefined` when the extension is absent. */
export function keyUsage(certificate: ParsedCertificate): Set<KeyUsage> | undefined {
  const extension = findExtension(certificate, Oid.keyUsage);
  if (!extension) return undefined;
  const { bytes } = readDer(extension.value).bitString();
  return new Set(KEY_USAGE_BITS.filter((_name, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0));
}

/** extKeyUsage identifiers with the extension's criticality; `undefined` when absent. SPEC: RFC 5280 §4.2.1.12 */
export function extKeyUsage(certificate: ParsedCertificate): { oids: string[]; critical: boolean } | undefined {
  const extension = findExtension(certificate, Oid.extKeyUsage);
  if (!extension) return undefined;
  const cursor = readDer(extension.value).children();
  const oids: string[] = [];
  while (!cursor.done) oids.push(cursor.next(Tag.oid).oid());
  return { oids, critical: extension.critical };
}

/** subjectKeyIdentifier octets. SPEC: RFC 5280 §4.2.1.2 */
export function subjectKeyId(certificate: ParsedCertificate): Uint8Array | undefined {
  const extension = findExtension(certificate, Oid.subjectKeyIdentifier);
  return extension ? readDer(extension.value).octetString() : undefined;
}

/** keyIdentifier of authorityKeyIdentifier. SPEC: RFC 5280 §4.2.1.1 */
export function authorityKeyId(certificate: ParsedCertificate): Uint8Array | undefined {
  const extension = findExtension(certificate, Oid.authorityKeyIdentifier);
  if (!extension) return undefined;
  return readDer(extension.value).children().optional(contextPrimitive(0))?.content;
}

/** One GeneralName by its context tag number (1 rfc822Name, 6 URI, 0 otherName …) and content. */
export interface GeneralName {
  type: number;
  content: Uint8Array;
}

/** subjectAltName entries in order; `undefined` when absent. SPEC: RFC 5280 §4.2.1.6 */
export function subjectAltNames(
  certificate: ParsedCertificate,
): { names: GeneralName[]; critical: boolean } | undefined {
  const extension = findExtension(certificate, Oid.subjectAltName);
  if (!extension) return undefined;
  const cursor = readDer(extension.value).children();
  const names: GeneralName[] = [];
  while (!cursor.done) {
    const element = cursor.next();
    if ((element.tag & 0xc0) !== 0x80) throw new DerError('bad_structure', 'GeneralName without a context tag');
    names.push({ type: element.tag & 0x1f, content: element.content });
  }
  return { names, critical: extension.critical };
}
