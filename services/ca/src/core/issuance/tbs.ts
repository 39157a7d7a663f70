import { contextConstructed, contextPrimitive, DerWriter, keyIdentifier, Oid, Tag } from '@sigstead/formats';
import { Extension, FULCIO_ARC, LAST_RAW_EXTENSION } from '../identity/extensions.ts';
import type { ExtensionValue, SubjectName } from '../identity/principal.ts';
import type { LeafTemplate } from './template.ts';

/**
 * The to-be-signed bytes of one leaf in its three forms, made from the same two blocks of bytes so that they cannot
 * differ anywhere but in the last extension. SPEC: RFC 6962 §3.1, §3.2
 */
export interface LeafTbs {
  /** With the poison extension last. */
  precertificate(): Uint8Array;
  /** With neither: what an SCT signs, and the certificate of an authority without a log. */
  plain(): Uint8Array;
  /** With the SCT list (TLS encoding) last. */
  final(sctList: Uint8Array): Uint8Array;
}

const VERSION_3 = Buffer.from('a003020102', 'hex');
const EMPTY_NAME = Buffer.from('3000', 'hex');
const DIGITAL_SIGNATURE = Buffer.from('03020780', 'hex');
/** SEQUENCE OF id-kp-codeSigning. */
const CODE_SIGNING = Buffer.from('300a06082b06010505070303', 'hex');
const NULL = Buffer.from('0500', 'hex');

export function leafTbs(template: LeafTemplate): LeafTbs {
  const fields = fieldsBeforeExtensions(template);
  const extensions = commonExtensions(template);
  const build = (last: Uint8Array | undefined): Uint8Array => {
    const writer = new DerWriter(fields.length + extensions.length + (last?.length ?? 0) + 24);
    const end = writer.mark();
    if (last !== undefined) writer.raw(last);
    writer.raw(extensions);
    writer.wrap(Tag.sequence, end);
    writer.wrap(contextConstructed(3), end);
    writer.raw(fields);
    writer.wrap(Tag.sequence, end);
    return writer.finish();
  };
  return {
    precertificate: () => build(oneExtension(Oid.ctPoison, true, NULL)),
    plain: () => build(undefined),
    final: (sctList) => build(oneExtension(Oid.ctSctList, false, octetString(sctList))),
  };
}

/** SPEC: RFC 5280 §4.1.2: version, serial, signature, issuer, validity, subject, key; written last to first. */
function fieldsBeforeExtensions(template: LeafTemplate): Uint8Array {
  const writer = new DerWriter(512 + template.spki.length);
  writer.raw(template.spki);
  writer.raw(EMPTY_NAME);
  const validity = writer.mark();
  writer.time(template.notAfterMs);
  writer.time(template.notBeforeMs);
  writer.wrap(Tag.sequence, validity);
  writer.raw(template.ca.name);
  writer.raw(template.ca.signatureAlgorithm);
  writer.unsignedInteger(template.serial);
  writer.raw(VERSION_3);
  return writer.finish();
}

/** SPEC: Fulcio certificate specification, order of extensions; written last to first. */
function commonExtensions({ ca, spki, identity }: LeafTemplate): Uint8Array {
  const writer = new DerWriter(2048);
  for (const each of identity.extensions.toReversed()) {
    extension(writer, `${FULCIO_ARC}.${each.n}`, false, () => writeProvenance(writer, each));
  }
  extension(writer, Oid.subjectAltName, true, () => writeSubjectName(writer, identity.name));
  extension(writer, Oid.authorityKeyIdentifier, false, () => {
    const mark = writer.mark();
    writer.primitive(contextPrimitive(0), ca.subjectKeyId);
    writer.wrap(Tag.sequence, mark);
  });
  extension(writer, Oid.subjectKeyIdentifier, false, () => writer.octetString(keyIdentifier(spki)));
  extension(writer, Oid.extKeyUsage, false, () => writer.raw(CODE_SIGNING));
  extension(writer, Oid.keyUsage, true, () => writer.raw(DIGITAL_SIGNATURE));
  return writer.finish();
}

/** SPEC: RFC 5280 §4.2: extnID, critical DEFAULT FALSE, extnValue. */
function extension(writer: DerWriter, oid: string, critical: boolean, writeValue: () => void): void {
  const mark = writer.mark();
  writeValue();
  writer.wrap(Tag.octetString, mark);
  if (critical) writer.true();
  writer.oid(oid);
  writer.wrap(Tag.sequence, mark);
}

function oneExtension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  const writer = new DerWriter(value.length + 32);
  extension(writer, oid, critical, () => writer.raw(value));
  return writer.finish();
}

/** SPEC: RFC 6962 §3.3: the list stands in an OCTET STRING inside extnValue. */
function octetString(content: Uint8Array): Uint8Array {
  const writer = new DerWriter(content.length + 8);
  writer.octetString(content);
  return writer.finish();
}

/** SPEC: Fulcio oid-info: raw text up to .6, DER UTF8String from .8 on. */
function writeProvenance(writer: DerWriter, { n, value }: ExtensionValue): void {
  if (n <= LAST_RAW_EXTENSION) writer.raw(Buffer.from(value, 'utf8'));
  else writer.utf8String(value);
}

/** SPEC: RFC 5280 §4.2.1.6, exactly one GeneralName. */
function writeSubjectName(writer: DerWriter, name: SubjectName): void {
  const mark = writer.mark();
  if (name.kind === 'username') {
    writer.utf8String(name.value);
    writer.wrap(contextConstructed(0), mark);
    writer.oid(`${FULCIO_ARC}.${Extension.usernameType}`);
    writer.wrap(contextConstructed(0), mark);
  } else {
    writer.primitive(contextPrimitive(name.kind === 'email' ? 1 : 6), Buffer.from(name.value, 'latin1'));
  }
  writer.wrap(Tag.sequence, mark);
}
