import { FormatError } from '../errors.ts';

/**
 * A parsed JSON text that has lost nothing: number text as written, member order, repeated names, places.
 * `at` and `end` are byte offsets into the text that was parsed (start inclusive, end exclusive).
 */
export type JsonValue = JsonObject | JsonArray | JsonString | JsonNumber | JsonBool | JsonNull;

interface JsonPlace {
  readonly at: number;
  readonly end: number;
}

export interface JsonObject extends JsonPlace {
  readonly kind: 'object';
  readonly members: readonly JsonMember[];
}

export interface JsonMember {
  readonly name: string;
  /** offsets of the name literal, its quotes included */
  readonly nameAt: number;
  readonly nameEnd: number;
  readonly value: JsonValue;
}

export interface JsonArray extends JsonPlace {
  readonly kind: 'array';
  readonly items: readonly JsonValue[];
}

export interface JsonString extends JsonPlace {
  readonly kind: 'string';
  readonly value: string;
}

export interface JsonNumber extends JsonPlace {
  readonly kind: 'number';
  /** exactly as written, e.g. `1e3`, `-0`, `5.0` */
  readonly text: string;
}

export interface JsonBool extends JsonPlace {
  readonly kind: 'bool';
  readonly value: boolean;
}

export interface JsonNull extends JsonPlace {
  readonly kind: 'null';
}

/** The value of the last member of that exact name, as JSON.parse would give it; undefined when absent. */
export function member(object: JsonObject, name: string): JsonValue | undefined {
  return object.members.findLast((each) => each.name === name)?.value;
}

/** U+017F and U+212A fold to s and k, as in Go's encoding/json. */
function foldName(name: string): string {
  return name.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
}

/** The last member whose name matches without regard to case, the way Go's encoding/json fills a struct. */
export function memberIgnoringCase(object: JsonObject, name: string): JsonValue | undefined {
  const wanted = foldName(name);
  return object.members.findLast((each) => foldName(each.name) === wanted)?.value;
}

/** One line and column, both from 1; columns count code points. */
export interface JsonPosition {
  readonly line: number;
  readonly column: number;
}

/** Line and column of a byte offset. A byte that does not begin a valid sequence counts as one, as Go counts runes. */
export function positionOf(source: Uint8Array, offset: number): JsonPosition {
  const before = Buffer.from(source.buffer, source.byteOffset, Math.min(offset, source.byteLength));
  let line = 1;
  for (let at = 0; at < before.length; at++) if (before[at] === 0x0a) line++;
  const lastLine = before.subarray(before.lastIndexOf(0x0a) + 1).toString('utf8');
  let column = 1;
  for (const _ of lastLine) column++;
  return { line, column };
}

/** Deeper texts can be parsed, since the parser does not recurse, but not turned into plain values. */
const MAX_PLAIN_DEPTH = 1000;

/**
 * Plain JavaScript values; numbers become `number`, the last of repeated names wins, `__proto__` is an ordinary name.
 * Throws `json_depth` for a value nested over 1000.
 */
export function toPlain(value: JsonValue): unknown {
  return plain(value, 0);
}

function plain(value: JsonValue, depth: number): unknown {
  if (depth > MAX_PLAIN_DEPTH) throw new FormatError('json_depth', 'exceeded max depth', { offset: value.at });
  switch (value.kind) {
    case 'object': {
      const object: Record<string, unknown> = {};
      for (const { name, value: inner } of value.members) {
        const content = plain(inner, depth + 1);
        Object.defineProperty(object, name, { value: content, enumerable: true, writable: true, configurable: true });
      }
      return object;
    }
    case 'array':
      return value.items.map((each) => plain(each, depth + 1));
    case 'number':
      return Number(value.text);
    case 'null':
      return null;
    default:
      return value.value;
  }
}
