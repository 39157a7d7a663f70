import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type HashName, type ParsedKey, publicKeyFromSpki } from '../../src/index.ts';
import { RECORDED } from './recorded.ts';

export interface Pair {
  readonly secret: KeyObject;
  readonly key: ParsedKey;
}

export function pairOf(name: string): Pair {
  const secret = createPrivateKey(readFileSync(new URL(`keys/${name}.pem`, RECORDED)));
  return { secret, key: publicKeyFromSpki(createPublicKey(secret).export({ format: 'der', type: 'spki' })) };
}

export const digestOf = (hash: HashName, message: Uint8Array): Buffer => createHash(hash).update(message).digest();

/** Keys by their recorded names, with the hash that goes with each. */
export const EC: [string, HashName][] = [
  ['c-p256', 'sha256'],
  ['c-p384', 'sha384'],
  ['c-p521', 'sha512'],
];
export const RSA = ['c-rsa2048', 'c-rsa3072', 'c-rsa4096'];

export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = (bit >> 3) % copy.length;
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
