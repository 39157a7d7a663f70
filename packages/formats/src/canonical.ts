import { FormatError } from './errors.ts';

/** Deeper values are none of ours, and recursion must end somewhere. */
const MAX_DEPTH = 200;

interface Dialect {
  readonly text: (value: string) => string;
  readonly number: (value: number) => string;
  readonly compareNames: (one: string, two: string) => number;
}

function unencodable(what: string): FormatError {
  return new FormatError('canonical_unencodable', `${what} has no canonical encoding`);
}

function encodeText(value: string, dialect: Dialect): string {
  if (!value.isWellFormed()) throw unencodable('a lone surrogate');
  return dialect.text(value);
}

function encodeObject(value: object, dialect: Dialect, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw unencodable('an object with a prototype');
  const members = Object.entries(value)
    .toSorted(([one], [two]) => dialect.compareNames(one, two))
    .map(([name, inner]) => `${encodeText(name, dialect)}:${encodeCanonical(inner, dialect, depth + 1)}`);
  return `{${members.join(',')}}`;
}

function encodeCanonical(value: unknown, dialect: Dialect, depth = 0): string {
  if (depth > MAX_DEPTH) throw unencodable(`a value nested over ${MAX_DEPTH}`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return encodeText(value, dialect);
  if (typeof value === 'number') return dialect.number(value);
  if (Array.isArray(value))
    return `[${Array.from(value, (each) => encodeCanonical(each, dialect, depth + 1)).join(',')}]`;
  if (typeof value === 'object') return encodeObject(value, dialect, depth);
  throw unencodable(`a value of type ${typeof value}`);
}

function compareCodeUnits(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}

const JCS: Dialect = {
  text: (value) => JSON.stringify(value),
  number: (value) => {
    if (!Number.isFinite(value)) throw unencodable(String(value));
    return JSON.stringify(value);
  },
  compareNames: compareCodeUnits,
};

const OLPC: Dialect = {
  text: (value) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
  number: (value) => {
    if (!Number.isSafeInteger(value)) throw unencodable(`the number ${value}`);
    return value === 0 ? '0' : String(value);
  },
  compareNames: (one, two) => Buffer.compare(Buffer.from(one), Buffer.from(two)),
};

/**
 * Canonical JSON of RFC 8785: names in order of UTF-16 code units, ECMAScript numbers and escapes, no white space.
 * Takes plain JSON values only: `undefined`, bigints, dates, lone surrogates, NaN throw `canonical_unencodable`.
 */
export function jcs(value: unknown): string {
  return encodeCanonical(value, JCS);
}

/**
 * OLPC canonical JSON, what TUF signatures cover: names in order of their UTF-8 bytes, only `\` and `"` escaped (line
 * ends stay raw), integers only. Throws `canonical_unencodable`. SPEC: TUF §4.1 (canonical form)
 */
export function olpc(value: unknown): Uint8Array {
  return Buffer.from(encodeCanonical(value, OLPC), 'utf8');
}
