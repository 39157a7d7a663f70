import { MerkleError } from './errors.ts';

/** A synchronous 32-byte hash (SHA-256 in every log we know). It must not keep its input and must return fresh bytes. */
export type HashFn = (data: Uint8Array) => Uint8Array;

/** Bytes in every hash of the tree. */
export const HASH_SIZE = 32;

/** The three hashes a tree is made of. Returned arrays belong to the caller. */
export interface TreeHasher {
  /** Hash of one leaf's bytes. */
  leaf(data: Uint8Array): Uint8Array;
  /** Hash of an interior node from its two children; throws `bad_hash_length` unless both are 32 bytes. */
  node(left: Uint8Array, right: Uint8Array): Uint8Array;
  /** Root of the tree without leaves. */
  empty(): Uint8Array;
  readonly size: 32;
}

/** SPEC: RFC 6962 §2.1: domain separation between leaves and nodes stops a node from passing as a leaf. */
const LEAF_PREFIX = 0x00;
const NODE_PREFIX = 0x01;

/** Leaves up to the largest entry a bundle can hold (65535 bytes) are hashed from one buffer that is kept. */
const KEPT_LEAF_BYTES = 65535;

/**
 * SPEC: RFC 6962 §2.1, RFC 9162 §2.1.1. Throws `bad_hash_function` if `hash` does not give a new 32-byte array each
 * time: an array that is filled again later would silently rewrite every hash already stored.
 */
export function createTreeHasher(hash: HashFn): TreeHasher {
  const emptyRoot = hash(new Uint8Array(0));
  checkHashFunction(emptyRoot, hash(new Uint8Array(0)));
  // Both buffers are safe to share because `hash` is synchronous and nothing else runs between filling and hashing.
  const pair = new Uint8Array(1 + 2 * HASH_SIZE);
  pair[0] = NODE_PREFIX;
  let kept = new Uint8Array(0);

  return {
    size: HASH_SIZE,
    empty: () => new Uint8Array(emptyRoot),
    leaf(data) {
      const needed = data.length + 1;
      if (kept.length < needed) {
        if (data.length > KEPT_LEAF_BYTES) return hash(prefixed(data, new Uint8Array(needed)));
        kept = new Uint8Array(Math.min(2 * needed, KEPT_LEAF_BYTES + 1));
      }
      return hash(prefixed(data, kept));
    },
    node(left, right) {
      if (left.length !== HASH_SIZE || right.length !== HASH_SIZE) {
        throw new MerkleError('bad_hash_length', `children of ${left.length} and ${right.length} bytes`);
      }
      pair.set(left, 1);
      pair.set(right, 1 + HASH_SIZE);
      return hash(pair);
    },
  };
}

function prefixed(data: Uint8Array, into: Uint8Array): Uint8Array {
  into[0] = LEAF_PREFIX;
  into.set(data, 1);
  return into.subarray(0, data.length + 1);
}

function checkHashFunction(first: Uint8Array, second: Uint8Array): void {
  if (first.length !== HASH_SIZE || second.length !== HASH_SIZE) {
    throw new MerkleError('bad_hash_function', `hash function does not return ${HASH_SIZE} bytes`);
  }
  if (first === second || (first.buffer === second.buffer && first.byteOffset === second.byteOffset)) {
    throw new MerkleError('bad_hash_function', 'hash function returns the same array twice');
  }
}

/** Whether two hashes are equal. Hashes of a public log are no secrets: no constant time is needed. */
export function equalHashes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Throws `bad_hash_length` unless `hash` is 32 bytes; `what` names it for the operator. */
export function checkHash(hash: Uint8Array, what: string): void {
  if (!(hash instanceof Uint8Array) || hash.length !== HASH_SIZE) {
    throw new MerkleError('bad_hash_length', `${what} is not ${HASH_SIZE} bytes`);
  }
}
