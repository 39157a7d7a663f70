import { createHash } from 'node:crypto';
import { readDer } from '../der/reader.ts';
import { Tag } from '../der/tags.ts';
import { type AlgorithmIdentifier, readAlgorithm } from './certificate.ts';

/** SubjectPublicKeyInfo taken apart: algorithm and the key's octets. Throws DerError. SPEC: RFC 5280 §4.1.2.7 */
export function parseSpki(spki: Uint8Array): { algorithm: AlgorithmIdentifier; key: Uint8Array } {
  const cursor = readDer(spki).children();
  const algorithm = readAlgorithm(cursor.next(Tag.sequence));
  const key = cursor.next(Tag.bitString).bitStringOctets();
  cursor.end();
  return { algorithm, key };
}

/** Key identifier: SHA-1 of the key's octets, without tag, length and count of unused bits. SPEC: RFC 5280 §4.2.1.2 (1) */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  return createHash('sha1').update(parseSpki(spki).key).digest();
}
