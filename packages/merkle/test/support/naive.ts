import { createHash } from 'node:crypto';

/*
 * RFC 6962 §2.1 written down as the text stands, recursion and all: the model that the package is compared with.
 * It shares no line with the package. Subtree roots are remembered, or 70000 leaves would take minutes.
 */

function sha256(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** The largest power of two smaller than n. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

export function naiveLeafHash(data: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(0), data);
}

export class NaiveTree {
  readonly #leafHashes: readonly Uint8Array[];
  readonly #remembered = new Map<number, Uint8Array>();

  constructor(leafHashes: readonly Uint8Array[]) {
    this.#leafHashes = leafHashes;
  }

  /** MTH(D[begin:end]) */
  mth(begin: number, end: number): Uint8Array {
    if (begin === end) return sha256();
    if (end - begin === 1) return this.#leafHashes[begin] as Uint8Array;
    const key = begin * 2 ** 20 + end;
    const known = this.#remembered.get(key);
    if (known) return known;
    const k = split(end - begin);
    const root = sha256(Uint8Array.of(1), this.mth(begin, begin + k), this.mth(begin + k, end));
    this.#remembered.set(key, root);
    return root;
  }

  root(size: number): Uint8Array {
    return this.mth(0, size);
  }

  /** PATH(m, D[n]) */
  inclusion(size: number, index: number): Uint8Array[] {
    return this.#path(index, 0, size);
  }

  #path(m: number, begin: number, end: number): Uint8Array[] {
    const n = end - begin;
    if (n === 1) return [];
    const k = split(n);
    if (m < k) return [...this.#path(m, begin, begin + k), this.mth(begin + k, end)];
    return [...this.#path(m - k, begin + k, end), this.mth(begin, begin + k)];
  }

  /** PROOF(m, D[n]), 0 < m <= n */
  consistency(size1: number, size2: number): Uint8Array[] {
    return this.#subproof(size1, 0, size2, true);
  }

  #subproof(m: number, begin: number, end: number, complete: boolean): Uint8Array[] {
    const n = end - begin;
    if (m === n) return complete ? [] : [this.mth(begin, end)];
    const k = split(n);
    if (m <= k) return [...this.#subproof(m, begin, begin + k, complete), this.mth(begin + k, end)];
    return [...this.#subproof(m - k, begin + k, end, false), this.mth(begin, begin + k)];
  }
}
