import { FormatError } from '../errors.ts';
import { tooDeep, unexpectedByte } from './go-text.ts';
import { scanLiteral, scanNumber, scanString, skipSpace } from './scan.ts';
import type { JsonMember, JsonValue } from './value.ts';

export interface ParseJsonOptions {
  /** containers inside containers; Go's encoding/json allows 10000. Default 64 */
  readonly maxDepth?: number;
  /** values in all, containers included. Default 100000 */
  readonly maxNodes?: number;
  /** repeated names in one object: kept (default) or `json_duplicate_name` */
  readonly onDuplicate?: 'keep' | 'error';
  /** what is no Unicode inside a string: `json_unicode` (default), or U+FFFD as Go's encoding/json reads it */
  readonly unicode?: 'reject' | 'replace';
}

export interface ParsedJson {
  readonly value: JsonValue;
  /** byte offset after the first value; what follows is the caller's rule (`hasTrailingText`) */
  readonly end: number;
  /** the bytes that all offsets count in */
  readonly source: Uint8Array;
}

interface OpenObject {
  kind: 'object';
  at: number;
  members: JsonMember[];
  name: string;
  nameAt: number;
  nameEnd: number;
}

interface OpenArray {
  kind: 'array';
  at: number;
  items: JsonValue[];
}

/**
 * Reads the first JSON value of a text, strictly (SPEC: RFC 8259), without recursion, in one pass.
 * Throws `json_empty` when there is none, `json_syntax` with the message Go's encoding/json gives, `json_depth`,
 * `json_too_many_values`, `json_duplicate_name`, `json_unicode`.
 */
export function parseJson(input: string | Uint8Array, options: ParseJsonOptions = {}): ParsedJson {
  const source =
    typeof input === 'string'
      ? Buffer.from(input, 'utf8')
      : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (typeof input === 'string' && !input.isWellFormed()) {
    throw new FormatError('json_unicode', 'text holds a lone surrogate');
  }
  const parser = new Parser(source, options);
  return { value: parser.run(), end: parser.pos, source };
}

/** Whether anything but white space follows the parsed value. */
export function hasTrailingText(parsed: ParsedJson): boolean {
  return skipSpace(parsed.source, parsed.end) !== parsed.source.length;
}

class Parser {
  pos = 0;
  readonly #source: Buffer;
  readonly #maxDepth: number;
  readonly #unicode: 'reject' | 'replace';
  readonly #refuseDuplicates: boolean;
  readonly #open: (OpenObject | OpenArray)[] = [];
  #nodesLeft: number;

  constructor(source: Buffer, options: ParseJsonOptions) {
    this.#source = source;
    this.#maxDepth = options.maxDepth ?? 64;
    this.#nodesLeft = options.maxNodes ?? 100_000;
    this.#unicode = options.unicode ?? 'reject';
    this.#refuseDuplicates = options.onDuplicate === 'error';
  }

  run(): JsonValue {
    this.pos = skipSpace(this.#source, 0);
    if (this.pos === this.#source.length) throw new FormatError('json_empty', 'EOF', { offset: this.pos });
    for (;;) {
      let done = this.#beginValue();
      while (done !== undefined) {
        const parent = this.#open.at(-1);
        if (parent === undefined) return done;
        done = this.#attach(parent, done);
      }
    }
  }

  /** Reads a scalar or an empty container whole (returned), or opens a container (undefined). */
  #beginValue(): JsonValue | undefined {
    const at = this.pos;
    if (this.#nodesLeft-- <= 0) throw new FormatError('json_too_many_values', 'too many JSON values', { offset: at });
    const byte = this.#source[at];
    switch (byte) {
      case 0x7b:
        return this.#openObject(at);
      case 0x5b:
        return this.#openArray(at);
      case 0x22: {
        const { value, end } = scanString(this.#source, at, this.#unicode);
        this.pos = end;
        return { kind: 'string', value, at, end };
      }
      case 0x74:
        return this.#literal({ kind: 'bool', value: true, at, end: scanLiteral(this.#source, at, 'true') });
      case 0x66:
        return this.#literal({ kind: 'bool', value: false, at, end: scanLiteral(this.#source, at, 'false') });
      case 0x6e:
        return this.#literal({ kind: 'null', at, end: scanLiteral(this.#source, at, 'null') });
      default:
        return this.#number(at, byte);
    }
  }

  #literal(value: JsonValue): JsonValue {
    this.pos = value.end;
    return value;
  }

  #number(at: number, byte: number | undefined): JsonValue {
    if (byte === undefined || (byte !== 0x2d && (byte < 0x30 || byte > 0x39))) {
      throw unexpectedByte(this.#source, at, 'looking for beginning of value');
    }
    const end = scanNumber(this.#source, at);
    return this.#literal({ kind: 'number', text: this.#source.toString('latin1', at, end), at, end });
  }

  #enter(container: OpenObject | OpenArray): void {
    if (this.#open.length >= this.#maxDepth) throw tooDeep(this.#source, container.at);
    this.#open.push(container);
  }

  #openObject(at: number): JsonValue | undefined {
    const object: OpenObject = { kind: 'object', at, members: [], name: '', nameAt: 0, nameEnd: 0 };
    this.#enter(object);
    this.pos = skipSpace(this.#source, at + 1);
    if (this.#source[this.pos] === 0x7d) return this.#close(object);
    this.#readName(object);
    return undefined;
  }

  #openArray(at: number): JsonValue | undefined {
    const array: OpenArray = { kind: 'array', at, items: [] };
    this.#enter(array);
    this.pos = skipSpace(this.#source, at + 1);
    return this.#source[this.pos] === 0x5d ? this.#close(array) : undefined;
  }

  #readName(object: OpenObject): void {
    const at = this.pos;
    if (this.#source[at] !== 0x22) {
      throw unexpectedByte(this.#source, at, 'looking for beginning of object key string');
    }
    const { value, end } = scanString(this.#source, at, this.#unicode);
    const colon = skipSpace(this.#source, end);
    if (this.#source[colon] !== 0x3a) throw unexpectedByte(this.#source, colon, 'after object key');
    object.name = value;
    object.nameAt = at;
    object.nameEnd = end;
    this.pos = skipSpace(this.#source, colon + 1);
  }

  /** Adds a finished value to its container; gives the container when that ended it too. */
  #attach(parent: OpenObject | OpenArray, value: JsonValue): JsonValue | undefined {
    const isObject = parent.kind === 'object';
    if (isObject) {
      const { name, nameAt, nameEnd } = parent;
      parent.members.push({ name, nameAt, nameEnd, value });
    } else {
      parent.items.push(value);
    }
    this.pos = skipSpace(this.#source, this.pos);
    const byte = this.#source[this.pos];
    if (byte === (isObject ? 0x7d : 0x5d)) return this.#close(parent);
    if (byte !== 0x2c) {
      throw unexpectedByte(this.#source, this.pos, isObject ? 'after object key:value pair' : 'after array element');
    }
    this.pos = skipSpace(this.#source, this.pos + 1);
    if (isObject) this.#readName(parent);
    return undefined;
  }

  #close(container: OpenObject | OpenArray): JsonValue {
    this.#open.pop();
    this.pos += 1;
    const { at } = container;
    if (container.kind === 'array') return { kind: 'array', items: container.items, at, end: this.pos };
    if (this.#refuseDuplicates) refuseDuplicates(container.members);
    return { kind: 'object', members: container.members, at, end: this.pos };
  }
}

function refuseDuplicates(members: readonly JsonMember[]): void {
  const seen = new Set<string>();
  for (const { name, nameAt } of members) {
    if (seen.has(name)) {
      throw new FormatError('json_duplicate_name', `name ${JSON.stringify(name)} stands twice`, { offset: nameAt });
    }
    seen.add(name);
  }
}
