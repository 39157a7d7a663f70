import { DerError } from '../der/errors.ts';
import { readDer } from '../der/reader.ts';
import { contextConstructed, Tag } from '../der/tags.ts';
import { type AlgorithmIdentifier, readAlgorithm } from './certificate.ts';

/** A certificate signing request taken apart; nothing verified. */
export interface ParsedCsr {
  /** CertificationRequestInfo, the bytes that are signed. */
  info: Uint8Array;
  subject: Uint8Array;
  spki: Uint8Array;
  /** Raw `[0]` attributes element. */
  attributes: Uint8Array | undefined;
  signatureAlgorithm: AlgorithmIdentifier;
  signature: Uint8Array;
}

/** SPEC: RFC 2986 §4.2. Throws DerError. */
export function parseCsr(der: Uint8Array): ParsedCsr {
  const top = readDer(der);
  if (top.tag !== Tag.sequence) throw new DerError('unexpected_tag', 'a request is a SEQUENCE');
  const outer = top.children();
  const info = outer.next(Tag.sequence);
  const signatureAlgorithm = readAlgorithm(outer.next(Tag.sequence));
  const signature = outer.next(Tag.bitString).bitStringOctets();
  outer.end();
  const cursor = info.children();
  cursor.next(Tag.integer).integerContent();
  const subject = cursor.next(Tag.sequence).raw;
  const spki = cursor.next(Tag.sequence).raw;
  const attributes = cursor.optional(contextConstructed(0))?.raw;
  cursor.end();
  return { info: info.raw, subject, spki, attributes, signatureAlgorithm, signature };
}
