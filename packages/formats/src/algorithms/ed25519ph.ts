import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';

/*
 * Ed25519ph, verification only, over a digest that is given. The platform offers pure Ed25519 alone, and the challenge hash
 * of a signature cannot be moved from one to the other as an ECDSA digest can; libraries hash the message themselves. So
 * the curve's arithmetic is a library's, and the one equation is written here. It takes a millisecond or two, in
 * JavaScript: callers see to it that others come through in between. All inputs are public. SPEC: RFC 8032 §5.1
 */

const { Point } = ed25519;

/** dom2(1, "") — phflag 1, empty context. SPEC: RFC 8032 §2, §5.1 */
const DOM2 = Buffer.concat([Buffer.from('SigEd25519 no Ed25519 collisions'), Buffer.of(1, 0)]);

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

/** The point of 32 bytes; undefined when they are no canonical encoding of one. SPEC: RFC 8032 §5.1.3 */
function decodePoint(bytes: Uint8Array): InstanceType<typeof Point> | undefined {
  try {
    return Point.fromBytes(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Whether a 64-byte Ed25519ph signature with empty context over a SHA-512 digest was made by the 32-byte key.
 * Refused: S not below L; a key that is no canonical point, or one of the eight of small order, under which one signature
 * can stand for many messages. R is compared as bytes (no cofactor), as Go's crypto/ed25519 does: what passes here passes
 * under the cofactored equation too. SPEC: RFC 8032 §5.1.7
 */
export function verifyEd25519ph(publicKey: Uint8Array, digest: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || digest.length !== 64 || signature.length !== 64) return false;
  const encodedR = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  if (s >= Point.Fn.ORDER) return false;
  const a = decodePoint(publicKey);
  if (a === undefined || a.isSmallOrder()) return false;
  const hash = createHash('sha512').update(DOM2).update(encodedR).update(publicKey).update(digest);
  const k = littleEndian(hash.digest()) % Point.Fn.ORDER;
  const r = Point.BASE.multiplyUnsafe(s).add(a.negate().multiplyUnsafe(k));
  return Buffer.from(r.toBytes()).equals(encodedR);
}
