/** Identifier octets used by the structures this product reads and writes. SPEC: X.690 §8.1.2, RFC 5280 appendix A. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context-specific identifier octet, primitive (IMPLICIT of a primitive type). */
export function contextPrimitive(n: number): number {
  return 0x80 | n;
}

/** Context-specific identifier octet, constructed (EXPLICIT, or IMPLICIT of a constructed type). */
export function contextConstructed(n: number): number {
  return 0xa0 | n;
}
