import { MerkleError } from './errors.ts';

/** The highest level a node can have: a tree of Number.MAX_SAFE_INTEGER leaves has its root here. */
export const MAX_LEVEL = 53;

const POWERS: readonly number[] = Array.from({ length: MAX_LEVEL + 1 }, (_, exponent) => 2 ** exponent);

/** 2^exponent for exponents 0 to 53, all of them exact. */
export function pow2(exponent: number): number {
  const power = POWERS[exponent];
  if (power === undefined)
    throw new MerkleError('index_out_of_range', `level ${exponent} is not within 0..${MAX_LEVEL}`);
  return power;
}

/**
 * floor(n / 2^bits). The operators `>>` and `>>>` cut their operand to 32 bits, so they are never used on sizes
 * or indexes; a division by a power of two is exact for every safe integer.
 */
export function shiftRight(n: number, bits: number): number {
  return bits > MAX_LEVEL ? 0 : Math.floor(n / pow2(bits));
}

/** Whether the lowest bit of n is set. */
export function isOdd(n: number): boolean {
  return n % 2 === 1;
}

/** The level of the root of a tree of `size` ≥ 1 leaves: the least L with 2^L ≥ size. */
export function rootLevel(size: number): number {
  let level = 0;
  while (pow2(level) < size) level++;
  return level;
}

/** Throws `size_out_of_range` unless n is an integer from 0 to Number.MAX_SAFE_INTEGER. */
export function checkSize(n: number): void {
  if (!Number.isSafeInteger(n) || n < 0) throw new MerkleError('size_out_of_range', `${n} is no tree size`);
}

/** Throws `size_out_of_range` for a bad size, `index_out_of_range` unless 0 ≤ index < size. */
export function checkIndex(index: number, size: number): void {
  checkSize(size);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new MerkleError('index_out_of_range', `index ${index} is not in a tree of size ${size}`);
  }
}
