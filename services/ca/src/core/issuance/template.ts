import type { ParsedKey } from '@sigstead/formats';
import type { CertificateIdentity } from '../identity/principal.ts';
import type { RandomBytes } from '../ports.ts';
import type { IssuingCa } from './issuing-ca.ts';

/** How long a certificate is good for. SPEC: Fulcio certificate specification, "Validity" */
export const LEAF_LIFE_MS = 600_000;
/** SPEC: RFC 5280 §4.1.2.2: at most 20 octets, positive. */
const SERIAL_BYTES = 20;

/** Everything that a precertificate and its final certificate have in common. */
export interface LeafTemplate {
  readonly ca: IssuingCa;
  /** Big-endian, positive, 159 random bits. */
  readonly serial: Uint8Array;
  /** Whole seconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Uint8Array;
  readonly identity: CertificateIdentity;
}

/** Draws the serial number and the times. A leaf never outlives the CAs above it. */
export function leafTemplate(input: {
  ca: IssuingCa;
  key: ParsedKey;
  identity: CertificateIdentity;
  nowMs: number;
  random: RandomBytes;
}): LeafTemplate {
  const serial = Uint8Array.from(input.random(SERIAL_BYTES));
  serial[0] = (serial[0] ?? 0) & 0x7f;
  const notBeforeMs = Math.floor(input.nowMs / 1000) * 1000;
  return {
    ca: input.ca,
    serial,
    notBeforeMs,
    notAfterMs: Math.min(notBeforeMs + LEAF_LIFE_MS, input.ca.notAfterMs),
    spki: input.key.spki,
    identity: input.identity,
  };
}
