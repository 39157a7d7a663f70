import { DerError } from '../der/errors.ts';
import { readDer } from '../der/reader.ts';
import { contextConstructed, Tag } from '../der/tags.ts';
import { DerWriter } from '../der/writer.ts';
import type { ParsedCertificate } from './certificate.ts';

/**
 * TBSCertificate without one extension: the precertificate's without the poison, or the final one's without the SCT list.
 * Both must come out byte for byte the same, since this is what an SCT signs. Throws `bad_structure` when the extension is absent.
 * SPEC: RFC 6962 §3.2
 */
export function tbsWithoutExtension(certificate: ParsedCertificate, oid: string): Uint8Array {
  const kept = certificate.extensions.filter((extension) => extension.oid !== oid);
  if (kept.length === certificate.extensions.length)
    throw new DerError('bad_structure', `certificate has no extension ${oid}`);
  const writer = new DerWriter(certificate.tbs.length + 16);
  const end = writer.mark();
  if (kept.length > 0) {
    for (const extension of kept.toReversed()) writer.raw(extension.raw);
    writer.wrap(Tag.sequence, end);
    writer.wrap(contextConstructed(3), end);
  }
  for (const field of fieldsBeforeExtensions(certificate.tbs).toReversed()) writer.raw(field);
  writer.wrap(Tag.sequence, end);
  return writer.finish();
}

function fieldsBeforeExtensions(tbs: Uint8Array): Uint8Array[] {
  const cursor = readDer(tbs).children();
  const fields: Uint8Array[] = [];
  while (!cursor.done && cursor.peek() !== contextConstructed(3)) fields.push(cursor.next().raw);
  return fields;
}
