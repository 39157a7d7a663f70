import { FormatError } from '../errors.ts';
import { MAX_FIELD_NUMBER, WireType } from './schema.ts';

/** SPEC: protobuf-go protowire.DefaultRecursionLimit, which the outermost group does not count to. */
const MAX_GROUP_DEPTH = 10_001;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface Tag {
  number: number;
  type: number;
}

/** Reads the elements of the wire format from bytes that nobody has looked at. Throws `protobuf`. */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #left: number;
  /** Halves of the varint that was read last. */
  #low = 0;
  #high = 0;

  /** `maxFields`: tags that may be read, those in skipped groups too. */
  constructor(bytes: Uint8Array, maxFields: number) {
    this.#bytes = bytes;
    this.#left = maxFields;
  }

  get at(): number {
    return this.#at;
  }

  /** The next field's number and wire type. `end` is where the message ends; nothing beyond it is read. */
  tag(end: number): Tag {
    if (this.#left === 0) throw new FormatError('protobuf', 'proto: too many fields', { offset: this.#at });
    this.#left -= 1;
    this.#varint(end);
    const number = this.#high * 2 ** 29 + (this.#low >>> 3);
    if (number < 1 || number > MAX_FIELD_NUMBER) throw this.#malformed();
    return { number, type: this.#low & 7 };
  }

  int32(end: number): number {
    this.#varint(end);
    return this.#low | 0;
  }

  uint32(end: number): number {
    this.#varint(end);
    return this.#low;
  }

  uint64(end: number): bigint {
    this.#varint(end);
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  bool(end: number): boolean {
    this.#varint(end);
    return this.#low !== 0 || this.#high !== 0;
  }

  /** Reads a length and returns where what has it ends. */
  delimited(end: number): number {
    this.#varint(end);
    if (this.#high !== 0 || this.#low > end - this.#at) throw this.#malformed();
    return this.#at + this.#low;
  }

  /** A part of the input itself, not a copy. */
  bytes(end: number): Uint8Array {
    const to = this.delimited(end);
    const part = this.#bytes.subarray(this.#at, to);
    this.#at = to;
    return part;
  }

  string(end: number): string {
    const from = this.#at;
    const part = this.bytes(end);
    try {
      return utf8.decode(part);
    } catch (cause) {
      const text = 'string field contains invalid UTF-8';
      throw new FormatError('protobuf', text, { offset: from, cause });
    }
  }

  /** Passes over the value of a field that nobody wants. */
  skip(tag: Tag, end: number): void {
    // Groups may be nested as deep as the input is long: no recursion.
    const open: number[] = [];
    for (let { number, type } = tag; ; { number, type } = this.tag(end)) {
      if (type === WireType.StartGroup) {
        open.push(number);
        if (open.length > MAX_GROUP_DEPTH) throw this.#malformed();
      } else if (type === WireType.EndGroup) {
        if (open.pop() !== number) throw this.#malformed();
      } else {
        this.#skipOne(type, end);
      }
      if (open.length === 0) return;
    }
  }

  #skipOne(type: number, end: number): void {
    switch (type) {
      case WireType.Varint:
        return this.#varint(end);
      case WireType.Fixed64:
        return this.#advance(8, end);
      case WireType.Bytes:
        this.#at = this.delimited(end);
        return;
      case WireType.Fixed32:
        return this.#advance(4, end);
      default:
        throw this.#malformed();
    }
  }

  #advance(count: number, end: number): void {
    if (end - this.#at < count) throw this.#malformed();
    this.#at += count;
  }

  /** SPEC: protobuf encoding, "Base 128 Varints": at most ten bytes, of which the last has one bit; longer forms count. */
  #varint(end: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#at < end ? this.#bytes[this.#at] : undefined;
      if (byte === undefined || (shift === 63 && byte > 1)) throw this.#malformed();
      this.#at += 1;
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift > 28) high |= part << (shift - 32);
      else {
        low |= part << 28;
        high = part >>> 4;
      }
      if (byte < 0x80) break;
    }
    this.#low = low >>> 0;
    this.#high = high >>> 0;
  }

  #malformed(): FormatError {
    return new FormatError('protobuf', 'proto: cannot parse invalid wire-format data', { offset: this.#at });
  }
}
