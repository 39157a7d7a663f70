import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { WeightedLru } from '../core/lru.ts';

const compress = promisify(gzip);

export interface CompressionLimits {
  /** Compressions at once: each takes a thread that files and look-ups of names need too. */
  running: number;
  /** Larger bundles are sent as they are. */
  maxBytes: number;
  /** Bytes of compressed full bundles kept in memory. */
  cacheBytes: number;
}

export const COMPRESSION_LIMITS: CompressionLimits = { running: 2, maxBytes: 4 * 2 ** 20, cacheBytes: 8 * 2 ** 20 };

/** Bytes with the entity tag they are sent under. */
export interface Tagged {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/** Compresses bundles for those who ask for it, as far as there is room; nobody waits for a turn. */
export class Compression {
  readonly #limits: CompressionLimits;
  readonly #cache: WeightedLru<Tagged>;
  readonly #running = new Map<string, Promise<Tagged>>();

  constructor(limits: CompressionLimits = COMPRESSION_LIMITS) {
    this.#limits = limits;
    this.#cache = new WeightedLru({ budgetBytes: limits.cacheBytes, weigh: ({ bytes }) => bytes.length });
  }

  /**
   * The gzip form of the bundle of that path, undefined when it has to be sent as it is. A full one never changes, so
   * its form is kept; callers at the same time share one compression.
   */
  async gzip(path: string, bytes: Uint8Array, isFull: boolean): Promise<Tagged | undefined> {
    const known = this.#cache.get(path) ?? this.#running.get(path);
    if (known !== undefined) return known;
    if (bytes.length > this.#limits.maxBytes || this.#running.size >= this.#limits.running) return undefined;
    const running = compress(bytes)
      .then(tagged)
      .finally(() => this.#running.delete(path));
    this.#running.set(path, running);
    const packed = await running;
    if (isFull) this.#cache.set(path, packed);
    return packed;
  }
}

/** SPEC: RFC 9110 §8.8.3: a strong validator over the bytes as they are sent. */
export function tagged(bytes: Uint8Array): Tagged {
  return { bytes, etag: `"${hash('sha256', bytes, 'hex').slice(0, 32)}"` };
}
