import { createECDH, createHash, createPublicKey, verify } from 'node:crypto';
import { type Curve, CURVES, invert, mod, toBigInt, toBytes } from './curves.ts';
import { ecdsaReadings } from './ecdsa-signature.ts';
import type { ParsedKey } from './public-key.ts';

/*
 * The platform verifies ECDSA only over a message that it hashes itself; a log is given the digest. With z the digest as
 * a number, a signature (r, s) under the key Q is valid when R = (z/s)·G + (r/s)·Q has x = r. For any other number z',
 *
 *     Q' = Q + ((z − z')/r)·G      gives      (z'/s)·G + (r/s)·Q' = (z/s)·G + (r/s)·Q = R,
 *
 * so (r, s) is valid for z under Q exactly when it is valid for z' under Q'. Taking z' = SHA-256 of a fixed message lets
 * the platform's own verification, its range checks included, decide; only Q' is computed here. A mistake in Q' could
 * not make a point off the curve pass either: loading the key checks that.
 */

interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

interface Anchor {
  readonly message: Uint8Array;
  readonly z: bigint;
}

/** Two, because for one digest in 2^256 the first would put Q' at infinity; it cannot for both. */
const ANCHORS: readonly Anchor[] = ['', '1'].map((text) => {
  const message = Buffer.from(text);
  return { message, z: toBigInt(createHash('sha256').update(message).digest()) };
});

/** The leftmost bits of a digest, as many as the order has. SPEC: FIPS 186-4 §6.4 */
function digestNumber(digest: Uint8Array, curve: Curve): bigint {
  const excess = digest.length * 8 - curve.orderBits;
  const value = toBigInt(digest);
  return excess > 0 ? value >> BigInt(excess) : value;
}

function multiplyBase(factor: bigint, curve: Curve): Point {
  const ecdh = createECDH(curve.openSslName);
  ecdh.setPrivateKey(toBytes(factor, curve.bytes));
  return decodePoint(ecdh.getPublicKey(), curve);
}

function decodePoint(point: Uint8Array, curve: Curve): Point {
  return { x: toBigInt(point.subarray(1, 1 + curve.bytes)), y: toBigInt(point.subarray(1 + curve.bytes)) };
}

/** Affine sum of two points; undefined is the point at infinity. SPEC: SEC 1 §2.2.1 */
function add(one: Point, two: Point, { p }: Curve): Point | undefined {
  let slope: bigint;
  if (one.x !== two.x) slope = mod((two.y - one.y) * invert(two.x - one.x, p), p);
  else if (one.y === two.y) slope = mod(3n * (one.x * one.x - 1n) * invert(2n * one.y, p), p);
  else return undefined;
  const x = mod(slope * slope - one.x - two.x, p);
  return { x, y: mod(slope * (one.x - x) - one.y, p) };
}

/** The point of Q', encoded; undefined when it would be infinity. */
function shiftedPoint(point: Uint8Array, shift: bigint, curve: Curve): Uint8Array | undefined {
  if (shift === 0n) return point;
  const sum = add(decodePoint(point, curve), multiplyBase(shift, curve), curve);
  return sum && Buffer.concat([Buffer.of(4), toBytes(sum.x, curve.bytes), toBytes(sum.y, curve.bytes)]);
}

function verifyReading(
  key: ParsedKey & { point: Uint8Array },
  curve: Curve,
  z: bigint,
  signature: Uint8Array,
): boolean {
  const r = toBigInt(signature.subarray(0, curve.bytes));
  if (r === 0n || r >= curve.n) return false;
  const inverse = invert(r, curve.n);
  for (const anchor of ANCHORS) {
    const point = shiftedPoint(key.point, mod((z - anchor.z) * inverse, curve.n), curve);
    if (point === undefined) continue;
    const spki = Buffer.concat([key.spki.subarray(0, key.spki.length - key.point.length), point]);
    const shifted = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    return verify('sha256', anchor.message, { key: shifted, dsaEncoding: 'ieee-p1363' }, signature);
  }
  return false;
}

/**
 * Whether `signature` (DER or IEEE P1363) over a digest was made by an ECDSA key; false for keys of other kinds.
 * The digest may be longer than the order: its leftmost bits count. SPEC: FIPS 186-4 §6.4
 */
export function verifyEcdsaDigest(key: ParsedKey, digest: Uint8Array, signature: Uint8Array): boolean {
  const curve = CURVES[key.kind];
  const { point } = key;
  if (curve === undefined || point === undefined) return false;
  const z = digestNumber(digest, curve);
  return ecdsaReadings(signature, curve.bytes).some((each) => verifyReading({ ...key, point }, curve, z, each));
}
