import { FormatError } from '../errors.ts';

/** Reads TLS presentation language from bytes; everything it gives is a view. Throws `tls_malformed`. SPEC: RFC 5246 §4 */
export class TlsReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#offset === this.#bytes.length;
  }

  take(length: number): Uint8Array {
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw new FormatError('tls_malformed', 'cut off', { offset: start });
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }

  /** Unsigned big-endian integer of 1 to 6 octets. */
  uint(octets: 1 | 2 | 3 | 5): number {
    return Buffer.from(this.take(octets)).readUIntBE(0, octets);
  }

  /** 64-bit unsigned integer that JavaScript can count with, else `tls_out_of_range`. */
  uint64(): number {
    const value = Buffer.from(this.take(8)).readBigUInt64BE(0);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormatError('tls_out_of_range', `${value} is too large`);
    return Number(value);
  }

  /** `opaque<0..2^(8*octets)-1>` */
  vector(octets: 1 | 2 | 3): Uint8Array {
    return this.take(this.uint(octets));
  }

  end(): void {
    if (!this.done) throw new FormatError('tls_malformed', 'bytes after the structure', { offset: this.#offset });
  }
}

export function uint(value: number, octets: 1 | 2 | 3 | 5): Buffer {
  if (!Number.isInteger(value) || value < 0 || value >= 256 ** octets) {
    throw new FormatError('tls_out_of_range', `${value} does not fit ${octets} octets`);
  }
  const bytes = Buffer.alloc(octets);
  bytes.writeUIntBE(value, 0, octets);
  return bytes;
}

export function uint64(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new FormatError('tls_out_of_range', `${value} is no uint64`);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** `opaque<0..2^(8*octets)-1>` */
export function vector(content: Uint8Array, octets: 1 | 2 | 3): Buffer {
  return Buffer.concat([uint(content.length, octets), content]);
}

export function fixed(content: Uint8Array, length: number): Uint8Array {
  if (content.length !== length) throw new FormatError('tls_out_of_range', `expected ${length} bytes`);
  return content;
}
