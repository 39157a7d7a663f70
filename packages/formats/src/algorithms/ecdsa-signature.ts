import { DerError } from '../der/errors.ts';
import { readDer } from '../der/reader.ts';
import { Tag } from '../der/tags.ts';

/** One INTEGER of a signature as `size` big-endian bytes; undefined when negative or longer. */
function fixedSize(content: Uint8Array, size: number): Uint8Array | undefined {
  if ((content[0] ?? 0) >= 0x80) return undefined;
  const magnitude = content[0] === 0 ? content.subarray(1) : content;
  if (magnitude.length > size) return undefined;
  const bytes = Buffer.alloc(size);
  bytes.set(magnitude, size - magnitude.length);
  return bytes;
}

/** r ‖ s of a strict-DER ECDSA signature; undefined when it is none. SPEC: RFC 3279 §2.2.3 */
function fromDer(signature: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const cursor = readDer(signature, { maxBytes: 160, maxNodes: 3 }).children();
    const r = fixedSize(cursor.next(Tag.integer).integerContent(), size);
    const s = fixedSize(cursor.next(Tag.integer).integerContent(), size);
    cursor.end();
    return signature[0] === Tag.sequence && r && s ? Buffer.concat([r, s]) : undefined;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/**
 * The readings of ECDSA signature bytes, each as r ‖ s of fixed size (IEEE P1363): as DER, and as P1363 itself when the
 * length is exactly that. Clients send both; bytes that fit both are tried as both.
 */
export function ecdsaReadings(signature: Uint8Array, size: number): Uint8Array[] {
  const readings: Uint8Array[] = [];
  const der = fromDer(signature, size);
  if (der !== undefined) readings.push(der);
  if (signature.length === 2 * size) readings.push(signature);
  return readings;
}
