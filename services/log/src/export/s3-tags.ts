import { hash } from 'node:crypto';

const MD5_TAG = /^"[0-9a-f]{32}"$/;

/** The tag that most storages give to these bytes; undefined where this machine has no MD5. */
export function md5Tag(bytes: Uint8Array): string | undefined {
  try {
    return `"${hash('md5', bytes, 'hex')}"`;
  } catch {
    return undefined;
  }
}

/**
 * Ties bytes that were read to the tag that names them in a condition. S3 gives both of one object. A gateway that keeps tags
 * beside the bytes may give the tag of a write under way with the bytes from before it; a condition on that tag would hold
 * once the write is done, and put back something older. Where tags are the MD5 of the bytes this shows, and the tag of
 * the bytes themselves is used instead: then the condition does not hold.
 *
 * A gateway that was killed in such a write leaves bytes and tag of two objects for good. A pair that stays the same for
 * `patienceMs`, longer than a write takes, is taken as it is.
 */
export class TagReader {
  readonly #nowMs: () => number;
  readonly #patienceMs: number;
  #isMd5 = false;
  #suspect: { name: string; bytesTag: string; tag: string; sinceMs: number } | undefined;

  constructor(options: { nowMs: () => number; patienceMs: number }) {
    this.#nowMs = options.nowMs;
    this.#patienceMs = options.patienceMs;
  }

  /** Notes which tag the storage has given to bytes. */
  learn(bytes: Uint8Array, tag: string): void {
    this.#isMd5 = md5Tag(bytes) === tag;
  }

  /** The tag that these bytes have, or would have, as far as that is known of this storage. */
  expected(bytes: Uint8Array): string | undefined {
    return this.#isMd5 ? md5Tag(bytes) : undefined;
  }

  /** The tag to name these bytes with, which came with `tag`. */
  read(name: string, bytes: Uint8Array, tag: string): string {
    const bytesTag = this.expected(bytes);
    if (bytesTag === undefined || bytesTag === tag || !MD5_TAG.test(tag)) {
      if (this.#suspect?.name === name) this.#suspect = undefined;
      return tag;
    }
    const nowMs = this.#nowMs();
    const { name: of, bytesTag: was, tag: had } = this.#suspect ?? {};
    if (of !== name || was !== bytesTag || had !== tag) this.#suspect = { name, bytesTag, tag, sinceMs: nowMs };
    const sinceMs = this.#suspect?.sinceMs ?? nowMs;
    return nowMs - sinceMs < this.#patienceMs ? bytesTag : tag;
  }
}
