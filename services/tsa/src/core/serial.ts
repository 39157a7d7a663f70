import type { RandomBytes } from './ports.ts';

/**
 * A serial of exactly 20 octets: positive, minimal, with 158 random bits, so that no two tokens share one in practice
 * and nothing has to be stored.
 * SPEC: RFC 3161 §2.4.2 (unique per TSA, up to 160 bits); RFC 5280 §4.1.2.2 (positive, at most 20 octets)
 */
export function newSerial(random: RandomBytes): Uint8Array {
  const serial = Uint8Array.from(random(20));
  if (serial.length !== 20) throw new Error('random source gave too few octets');
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}
