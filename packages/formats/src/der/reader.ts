import { DerError } from './errors.ts';
import { decodeOidContent } from './oid.ts';
import { Tag } from './tags.ts';
import { parseTimeText } from './time.ts';

/** Bounds of one document, checked before work is done. */
export interface DerLimits {
  /** Bytes of the whole document. */
  maxBytes: number;
  /** Elements visited in the whole document. */
  maxNodes: number;
}

const DEFAULT_LIMITS: DerLimits = { maxBytes: 64 * 1024, maxNodes: 2000 };

interface Budget {
  nodes: number;
}

/** One element: `raw` with its header, `content` without. Both are views, not copies. */
export class DerElement {
  readonly tag: number;
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
  readonly #budget: Budget;

  constructor(tag: number, raw: Uint8Array, content: Uint8Array, budget: Budget) {
    this.tag = tag;
    this.raw = raw;
    this.content = content;
    this.#budget = budget;
  }

  /** Reads the content as a sequence of elements; they share the document's budget. */
  children(): DerCursor {
    return new DerCursor(this.content, this.#budget);
  }

  /** Dotted object identifier. */
  oid(): string {
    this.#is(Tag.oid);
    return decodeOidContent(this.content);
  }

  /** Content octets of a minimal INTEGER, sign included. SPEC: X.690 §8.3.2 */
  integerContent(): Uint8Array {
    this.#is(Tag.integer);
    const [first, second] = this.content;
    if (first === undefined) throw new DerError('bad_integer', 'empty INTEGER');
    if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
      throw new DerError('bad_integer', 'non-minimal INTEGER');
    return this.content;
  }

  /** INTEGER of any size. */
  bigInteger(): bigint {
    const content = this.integerContent();
    const magnitude = BigInt(`0x${Buffer.from(content).toString('hex')}`);
    return (content[0] ?? 0) >= 0x80 ? magnitude - (1n << BigInt(content.length * 8)) : magnitude;
  }

  boolean(): boolean {
    this.#is(Tag.boolean);
    if (this.content.length !== 1 || (this.content[0] !== 0 && this.content[0] !== 0xff))
      throw new DerError('bad_boolean', 'BOOLEAN is neither 00 nor FF');
    return this.content[0] === 0xff;
  }

  octetString(): Uint8Array {
    this.#is(Tag.octetString);
    return this.content;
  }

  /** BIT STRING with its count of unused bits; padding bits must be zero. SPEC: X.690 §11.2 */
  bitString(): { bytes: Uint8Array; unusedBits: number } {
    this.#is(Tag.bitString);
    const unusedBits = this.content[0];
    const last = this.content.at(-1) ?? 0;
    if (unusedBits === undefined || unusedBits > 7 || (unusedBits > 0 && this.content.length === 1))
      throw new DerError('bad_bit_string', 'bad count of unused bits');
    if (unusedBits > 0 && (last & ((1 << unusedBits) - 1)) !== 0)
      throw new DerError('bad_bit_string', 'padding bits are not zero');
    return { bytes: this.content.subarray(1), unusedBits };
  }

  /** BIT STRING that must be whole octets (keys, signatures). */
  bitStringOctets(): Uint8Array {
    const { bytes, unusedBits } = this.bitString();
    if (unusedBits !== 0) throw new DerError('bad_bit_string', 'expected whole octets');
    return bytes;
  }

  /** UTCTime or GeneralizedTime as milliseconds since 1970. */
  timeMs(): number {
    const text = Buffer.from(this.content).toString('latin1');
    if (this.tag === Tag.utcTime) return parseTimeText(text, 'utc');
    this.#is(Tag.generalizedTime);
    return parseTimeText(text, 'generalized');
  }

  #is(tag: number): void {
    if (this.tag !== tag) throw unexpected(tag, this.tag);
  }
}

/** Walks elements that stand one after another. Depth is the caller's code, not the input's: nothing here recurses. */
export class DerCursor {
  readonly #bytes: Uint8Array;
  readonly #budget: Budget;
  #offset = 0;

  constructor(bytes: Uint8Array, budget: Budget) {
    this.#bytes = bytes;
    this.#budget = budget;
  }

  get done(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** Identifier octet of the next element, without taking it. */
  peek(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** Takes the next element, which must have `tag` when one is given. */
  next(tag?: number): DerElement {
    const element = readElement(this.#bytes, this.#offset, this.#budget);
    if (tag !== undefined && element.tag !== tag) throw unexpected(tag, element.tag);
    this.#offset += element.raw.length;
    return element;
  }

  /** Takes the next element only if it has `tag`. */
  optional(tag: number): DerElement | undefined {
    return this.peek() === tag ? this.next(tag) : undefined;
  }

  /** Throws `trailing_bytes` unless everything was taken. */
  end(): void {
    if (!this.done) throw new DerError('trailing_bytes', 'elements after the last expected one');
  }
}

/**
 * The one element that fills `bytes` exactly. Strict DER: definite minimal lengths, low tag numbers only.
 * Throws DerError: `too_large`, `too_many_nodes`, `truncated`, `bad_length`, `high_tag_number`, `trailing_bytes`.
 */
export function readDer(bytes: Uint8Array, limits: Partial<DerLimits> = {}): DerElement {
  const { maxBytes, maxNodes } = { ...DEFAULT_LIMITS, ...limits };
  if (bytes.length > maxBytes) throw new DerError('too_large', `document over ${maxBytes} bytes`);
  const element = readElement(bytes, 0, { nodes: maxNodes });
  if (element.raw.length !== bytes.length) throw new DerError('trailing_bytes', 'bytes after the document');
  return element;
}

/**
 * Checks that everything inside is DER, however deep, without recursion: constructed elements are opened, primitive ones skipped.
 * Throws what `readDer` throws, and `too_deep`.
 */
export function validateDer(bytes: Uint8Array, limits: Partial<DerLimits> & { maxDepth?: number } = {}): void {
  const maxDepth = limits.maxDepth ?? 32;
  const open: DerCursor[] = [];
  const top = readDer(bytes, limits);
  if ((top.tag & 0x20) !== 0) open.push(top.children());
  for (let cursor = open.at(-1); cursor; cursor = open.at(-1)) {
    if (cursor.done) {
      open.pop();
      continue;
    }
    const element = cursor.next();
    if ((element.tag & 0x20) === 0) continue;
    if (open.length >= maxDepth) throw new DerError('too_deep', `nesting over ${maxDepth}`);
    open.push(element.children());
  }
}

function readElement(bytes: Uint8Array, offset: number, budget: Budget): DerElement {
  budget.nodes -= 1;
  if (budget.nodes < 0) throw new DerError('too_many_nodes', 'too many elements');
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError('truncated', 'element header cut off');
  if ((tag & 0x1f) === 0x1f) throw new DerError('high_tag_number', 'tag number over 30');
  const { length, size } = first < 0x80 ? { length: first, size: 1 } : longLength(bytes, offset + 1, first);
  const start = offset + 1 + size;
  if (length > bytes.length - start) throw new DerError('truncated', 'element content cut off');
  return new DerElement(tag, bytes.subarray(offset, start + length), bytes.subarray(start, start + length), budget);
}

function longLength(bytes: Uint8Array, offset: number, first: number): { length: number; size: number } {
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4) throw new DerError('bad_length', 'indefinite or over-long length');
  let length = 0;
  for (let i = 1; i <= octets; i++) {
    const octet = bytes[offset + i];
    if (octet === undefined) throw new DerError('truncated', 'length cut off');
    length = length * 256 + octet;
  }
  if (length < 0x80 || (octets > 1 && length < 256 ** (octets - 1)))
    throw new DerError('bad_length', 'non-minimal length');
  return { length, size: 1 + octets };
}

function unexpected(want: number, got: number): DerError {
  return new DerError('unexpected_tag', `expected tag 0x${want.toString(16)}, found 0x${got.toString(16)}`);
}
