import type { KeyKind } from './registry.ts';

/** A short Weierstrass curve y² = x³ − 3x + b over a prime field; `b` is not needed here. */
export interface Curve {
  /** as createECDH knows it */
  readonly openSslName: string;
  readonly bytes: number;
  readonly orderBits: number;
  readonly p: bigint;
  readonly n: bigint;
}

/** SPEC: FIPS 186-4 appendix D.1.2.3 – D.1.2.5 */
export const CURVES: Readonly<Partial<Record<KeyKind, Curve>>> = {
  'ecdsa-p256': {
    openSslName: 'prime256v1',
    bytes: 32,
    orderBits: 256,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  'ecdsa-p384': {
    openSslName: 'secp384r1',
    bytes: 48,
    orderBits: 384,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  'ecdsa-p521': {
    openSslName: 'secp521r1',
    bytes: 66,
    orderBits: 521,
    p: 2n ** 521n - 1n,
    n: 2n ** 521n - 2n ** 264n + 0xfa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
};

export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0
    ? 0n
    : BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`);
}

export function toBytes(value: bigint, length: number): Uint8Array {
  return Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex');
}

export function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Inverse of a non-zero value modulo a prime (extended Euclid; not constant time: public data only). */
export function invert(value: bigint, modulus: bigint): bigint {
  let [previous, current] = [modulus, mod(value, modulus)];
  let [before, factor] = [0n, 1n];
  while (current > 1n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [before, factor] = [factor, before - quotient * factor];
  }
  return mod(factor, modulus);
}
