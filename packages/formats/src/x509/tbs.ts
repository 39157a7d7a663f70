import { DerError } from '../der/errors.ts';
import { readDer } from '../der/reader.ts';
import { contextConstructed, Tag } from '../der/tags.ts';
import { DerWriter } from '../der/writer.ts';
import type { ParsedCertificate } from './certificate.ts';
import { findExtension } from './extensions.ts';
import { Oid } from './oids.ts';

/**
 * TBSCertificate without one extension: the precertificate's without the poison, or the final one's without the SCT list.
 * Both must come out byte for byte the same, since this is what an SCT signs. Throws `bad_structure` when the extension is absent.
 * SPEC: RFC 6962 §3.2
 */
export function tbsWithoutExtension(certificate: ParsedCertificate, oid: string): Uint8Array {
  const kept = certificate.extensions.filter((extension) => extension.oid !== oid);
  if (kept.length === certificate.extensions.length)
    throw new DerError('bad_structure', `certificate has no extension ${oid}`);
  return tbsOf(
    fieldsBeforeExtensions(certificate.tbs),
    kept.map(({ raw }) => raw),
  );
}

/**
 * What is logged of a precertificate that a Precertificate Signing Certificate signed: its TBSCertificate without the poison,
 * with issuer and authority key identifier of the CA that certified that one and will sign the final certificate. Throws
 * `bad_structure` when the poison is absent, or the identifier has nothing to be replaced with. SPEC: RFC 6962 §3.2
 */
export function tbsForFinalIssuer(precertificate: ParsedCertificate, signing: ParsedCertificate): Uint8Array {
  const kept = precertificate.extensions.filter(({ oid }) => oid !== Oid.ctPoison);
  if (kept.length === precertificate.extensions.length) throw new DerError('bad_structure', 'it has no poison');
  const finalKeyId = findExtension(signing, Oid.authorityKeyIdentifier);
  const extensions = kept.map(({ oid, raw }) => {
    if (oid !== Oid.authorityKeyIdentifier) return raw;
    if (finalKeyId !== undefined) return finalKeyId.raw;
    throw new DerError('bad_structure', 'the signing certificate has no authority key identifier');
  });
  // The fields in their order: version (which there is, since there are extensions), serial, algorithm, issuer.
  const fields = fieldsBeforeExtensions(precertificate.tbs).map((field, i) => (i === 3 ? signing.issuer : field));
  return tbsOf(fields, extensions);
}

function tbsOf(fields: readonly Uint8Array[], extensions: readonly Uint8Array[]): Uint8Array {
  const writer = new DerWriter([...fields, ...extensions].reduce((sum, { length }) => sum + length, 32));
  const end = writer.mark();
  if (extensions.length > 0) {
    for (const extension of extensions.toReversed()) writer.raw(extension);
    writer.wrap(Tag.sequence, end);
    writer.wrap(contextConstructed(3), end);
  }
  for (const field of fields.toReversed()) writer.raw(field);
  writer.wrap(Tag.sequence, end);
  return writer.finish();
}

function fieldsBeforeExtensions(tbs: Uint8Array): Uint8Array[] {
  const cursor = readDer(tbs).children();
  const fields: Uint8Array[] = [];
  while (!cursor.done && cursor.peek() !== contextConstructed(3)) fields.push(cursor.next().raw);
  return fields;
}
