import { Refusal } from './refusal.ts';

/** Header of one element. `start` and `end` bound its content inside the same bytes. */
export interface Header {
  /** 0 universal, 1 application, 2 context, 3 private. */
  tagClass: number;
  constructed: boolean;
  tag: number;
  start: number;
  end: number;
}

/** What an element must look like to fill a field. */
export interface Shape {
  tagClass: number;
  constructed: boolean;
  tag: number;
}

export const Shapes = {
  boolean: { tagClass: 0, constructed: false, tag: 1 },
  integer: { tagClass: 0, constructed: false, tag: 2 },
  octetString: { tagClass: 0, constructed: false, tag: 4 },
  oid: { tagClass: 0, constructed: false, tag: 6 },
  sequence: { tagClass: 0, constructed: true, tag: 16 },
  context0: { tagClass: 2, constructed: true, tag: 0 },
} as const satisfies Record<string, Shape>;

/** Lengths at or over this are refused before they are added up. */
const MAX_LENGTH = 2 ** 23;

/**
 * Walks the fields of one SEQUENCE the way upstream's decoder does, which is stricter than BER and laxer than DER:
 * headers are strict DER; an optional field that does not fit is skipped without being taken; whatever stands after the
 * last field is never looked at. The package's own DER reader refuses what must be accepted here.
 * Every read is bounded by the enclosing element, nothing recurses, nothing is copied.
 */
export class FieldCursor {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #offset: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#offset = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#offset >= this.#end;
  }

  /** The next element, which must have this shape. */
  required(shape: Shape): Header {
    if (this.done) throw new Refusal('malformed', 'a required field is missing');
    const header = this.#header();
    if (!fits(header, shape)) throw new Refusal('malformed', `unexpected element with tag ${header.tag}`);
    return this.#take(header);
  }

  /** The next element if it has this shape; its header must be sound even if it has not. */
  optional(shape: Shape): Header | undefined {
    if (this.done) return undefined;
    const header = this.#header();
    return fits(header, shape) ? this.#take(header) : undefined;
  }

  /** The next element, whatever it is. */
  any(): Header | undefined {
    return this.done ? undefined : this.#take(this.#header());
  }

  content(header: Header): Uint8Array {
    return this.#bytes.subarray(header.start, header.end);
  }

  /** The fields inside a constructed element. */
  inside(header: Header): FieldCursor {
    return new FieldCursor(this.#bytes, header.start, header.end);
  }

  #take(header: Header): Header {
    if (header.end > this.#end) throw new Refusal('malformed', 'element cut off');
    this.#offset = header.end;
    return header;
  }

  /** SPEC: X.690 §8.1, §10.1 */
  #header(): Header {
    const first = this.#octet(this.#offset);
    const { tag, next } =
      (first & 0x1f) === 0x1f ? this.#highTag(this.#offset + 1) : { tag: first & 0x1f, next: this.#offset + 1 };
    const { length, start } = this.#length(next);
    return { tagClass: first >> 6, constructed: (first & 0x20) !== 0, tag, start, end: start + length };
  }

  #octet(offset: number): number {
    const octet = offset < this.#end ? this.#bytes[offset] : undefined;
    if (octet === undefined) throw new Refusal('malformed', 'header cut off');
    return octet;
  }

  #highTag(offset: number): { tag: number; next: number } {
    let tag = 0;
    for (let i = 0; ; i++) {
      const octet = this.#octet(offset + i);
      if (i === 5 || (i === 0 && octet === 0x80)) throw new Refusal('malformed', 'tag number too large or not minimal');
      tag = tag * 128 + (octet & 0x7f);
      if (octet >= 0x80) continue;
      if (tag < 0x1f || tag > 0x7fffffff) throw new Refusal('malformed', 'tag number too large or not minimal');
      return { tag, next: offset + i + 1 };
    }
  }

  #length(offset: number): { length: number; start: number } {
    const first = this.#octet(offset);
    if (first < 0x80) return { length: first, start: offset + 1 };
    const octets = first & 0x7f;
    if (octets === 0) throw new Refusal('malformed', 'indefinite length');
    let length = 0;
    for (let i = 1; i <= octets; i++) {
      const octet = this.#octet(offset + i);
      if (length >= MAX_LENGTH) throw new Refusal('malformed', 'length too large');
      length = length * 256 + octet;
      if (length === 0) throw new Refusal('malformed', 'length with leading zeros');
    }
    if (length < 0x80) throw new Refusal('malformed', 'length not minimal');
    return { length, start: offset + 1 + octets };
  }
}

function fits(header: Header, shape: Shape): boolean {
  return header.tagClass === shape.tagClass && header.constructed === shape.constructed && header.tag === shape.tag;
}
