import { createHash } from 'node:crypto';
import { invert, mod } from './curves.ts';

/*
 * Ed25519ph, verification only. The platform offers pure Ed25519 alone, and the challenge hash of a signature cannot be
 * moved from one to the other as an ECDSA digest can, so the equation is computed here. All inputs are public: nothing
 * in this file is constant time, and it must never see a secret. SPEC: RFC 8032 §5.1
 */

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = mod(-121665n * invert(121666n, P), P);
const D2 = mod(2n * D, P);
const SQRT_MINUS_ONE = power(2n, (P - 1n) / 4n);

/** dom2(1, "") — phflag 1, empty context. SPEC: RFC 8032 §2, §5.1 */
const DOM2 = Buffer.concat([Buffer.from('SigEd25519 no Ed25519 collisions'), Buffer.of(1, 0)]);

/** Extended coordinates: x = X/Z, y = Y/Z, T = XY/Z. SPEC: RFC 8032 §5.1.4 */
interface Point {
  readonly X: bigint;
  readonly Y: bigint;
  readonly Z: bigint;
  readonly T: bigint;
}

const NEUTRAL: Point = { X: 0n, Y: 1n, Z: 1n, T: 0n };
const BASE = requirePoint('5866666666666666666666666666666666666666666666666666666666666666');

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % P;
    if (bit === '1') result = (result * base) % P;
  }
  return result;
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/** SPEC: RFC 8032 §5.1.4; complete: also right for equal points and the neutral one. */
function add(one: Point, two: Point): Point {
  const a = ((one.Y - one.X) * (two.Y - two.X)) % P;
  const b = ((one.Y + one.X) * (two.Y + two.X)) % P;
  const c = (((one.T * D2) % P) * two.T) % P;
  const d = (2n * one.Z * two.Z) % P;
  return fromFactors(b - a, d - c, d + c, b + a);
}

function double({ X, Y, Z }: Point): Point {
  const a = (X * X) % P;
  const b = (Y * Y) % P;
  const h = a + b;
  const e = h - (X + Y) * (X + Y);
  const g = a - b;
  return fromFactors(e % P, (2n * Z * Z + g) % P, g, h);
}

function fromFactors(e: bigint, f: bigint, g: bigint, h: bigint): Point {
  return { X: (e * f) % P, Y: (g * h) % P, Z: (f * g) % P, T: (e * h) % P };
}

/** The point of 32 bytes; undefined when they are no canonical encoding of one. SPEC: RFC 8032 §5.1.3 */
function decodePoint(bytes: Uint8Array): Point | undefined {
  const encoded = littleEndian(bytes);
  const sign = encoded >> 255n;
  const y = encoded & (2n ** 255n - 1n);
  if (y >= P) return undefined;
  const u = mod(y * y - 1n, P);
  const v = mod(D * y * y + 1n, P);
  const v3 = (v * v * v) % P;
  const uv7 = (u * v3 * v3 * v) % P;
  let x = (((u * v3) % P) * power(uv7, (P - 5n) / 8n)) % P;
  const vxx = (v * x * x) % P;
  if (vxx === mod(-u, P)) x = (x * SQRT_MINUS_ONE) % P;
  else if (vxx !== u) return undefined;
  if (x === 0n && sign === 1n) return undefined;
  if ((x & 1n) !== sign) x = P - x;
  return { X: x, Y: y, Z: 1n, T: (x * y) % P };
}

function requirePoint(hex: string): Point {
  const point = decodePoint(Buffer.from(hex, 'hex'));
  if (point === undefined) throw new Error('Ed25519 base point does not decode');
  return point;
}

function encodePoint({ X, Y, Z }: Point): Buffer {
  const inverse = invert(Z, P);
  const y = mod(Y * inverse, P);
  const sign = mod(X * inverse, P) & 1n;
  return Buffer.from((y | (sign << 255n)).toString(16).padStart(64, '0'), 'hex').reverse();
}

/** a·A + b·B with one chain of doublings. */
function twoProducts(a: bigint, pointA: Point, b: bigint, pointB: Point): Point {
  const both = add(pointA, pointB);
  const bitsA = a.toString(2).padStart(256, '0');
  const bitsB = b.toString(2).padStart(256, '0');
  let sum = NEUTRAL;
  for (let index = 0; index < 256; index++) {
    if (sum !== NEUTRAL) sum = double(sum);
    const fromA = bitsA[index] === '1';
    const fromB = bitsB[index] === '1';
    if (fromA || fromB) sum = add(sum, fromA && fromB ? both : fromA ? pointA : pointB);
  }
  return sum;
}

/**
 * Whether a 64-byte Ed25519ph signature with empty context over a SHA-512 digest was made by the 32-byte key.
 * Refused: S not below L, a key that is no canonical point; R is compared as bytes (no cofactor), as Go's crypto/ed25519
 * does. SPEC: RFC 8032 §5.1.7
 */
export function verifyEd25519ph(publicKey: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || digest.length !== 64 || signature.length !== 64) return false;
  const encodedR = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  if (s >= L) return false;
  const a = decodePoint(publicKey);
  if (a === undefined) return false;
  const hash = createHash('sha512').update(DOM2).update(encodedR).update(publicKey).update(digest);
  const k = littleEndian(hash.digest()) % L;
  const minusA: Point = { X: mod(-a.X, P), Y: a.Y, Z: 1n, T: mod(-a.T, P) };
  return encodePoint(twoProducts(k, minusA, s, BASE)).equals(encodedR);
}
