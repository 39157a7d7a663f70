import { isUtf8 } from 'node:buffer';
import { FormatError } from '../errors.ts';
import { unexpectedByte } from './go-text.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const ESCAPES = new Set(Array.from('bfnrt\\/"', (each) => each.charCodeAt(0)));

export interface ScannedString {
  readonly value: string;
  readonly end: number;
}

export function skipSpace(source: Uint8Array, from: number): number {
  let pos = from;
  while (pos < source.length) {
    const byte = source[pos];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    pos++;
  }
  return pos;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number | undefined): boolean {
  return isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

/** Checks the escape whose backslash stands at `at`; gives the offset after it. SPEC: RFC 8259 §7. */
function scanEscape(source: Uint8Array, at: number): number {
  const byte = source[at + 1];
  if (byte !== undefined && ESCAPES.has(byte)) return at + 2;
  if (byte !== LETTER_U) throw unexpectedByte(source, at + 1, 'in string escape code');
  for (let pos = at + 2; pos < at + 6; pos++) {
    if (!isHexDigit(source[pos])) throw unexpectedByte(source, pos, 'in \\u hexadecimal character escape');
  }
  return at + 6;
}

/**
 * The string literal whose opening quote stands at `at`. SPEC: RFC 8259 §7.
 * With `replace`, what is no Unicode becomes U+FFFD as in Go's encoding/json; otherwise it is `json_unicode`.
 */
export function scanString(source: Buffer, at: number, unicode: 'reject' | 'replace'): ScannedString {
  let pos = at + 1;
  let escaped = false;
  let allBits = 0;
  for (;;) {
    const byte = source[pos];
    if (byte === undefined || byte < 0x20) throw unexpectedByte(source, pos, 'in string literal');
    if (byte === QUOTE) break;
    if (byte === BACKSLASH) {
      escaped = true;
      pos = scanEscape(source, pos);
    } else {
      allBits |= byte;
      pos++;
    }
  }
  const end = pos + 1;
  if (allBits < 0x80 && !escaped) return { value: source.toString('latin1', at + 1, pos), end };
  if (allBits >= 0x80 && unicode === 'reject' && !isUtf8(source.subarray(at + 1, pos))) {
    throw new FormatError('json_unicode', 'invalid UTF-8 in string', { offset: at });
  }
  // The grammar was checked above, so the platform's own parser only has to resolve the escapes.
  const value = escaped
    ? (JSON.parse(source.toString('utf8', at, end)) as string)
    : source.toString('utf8', at + 1, pos);
  if (!escaped || value.isWellFormed()) return { value, end };
  if (unicode === 'replace') return { value: value.toWellFormed(), end };
  throw new FormatError('json_unicode', 'escaped surrogate without its other half', { offset: at });
}

function skipDigits(source: Uint8Array, from: number, context: string): number {
  if (!isDigit(source[from])) throw unexpectedByte(source, from, context);
  let pos = from + 1;
  while (isDigit(source[pos])) pos++;
  return pos;
}

/** The offset after the number that begins at `at`. SPEC: RFC 8259 §6. */
export function scanNumber(source: Uint8Array, at: number): number {
  let pos = source[at] === 0x2d ? at + 1 : at;
  pos = source[pos] === 0x30 ? pos + 1 : skipDigits(source, pos, 'in numeric literal');
  if (source[pos] === 0x2e) pos = skipDigits(source, pos + 1, 'after decimal point in numeric literal');
  if (source[pos] === 0x65 || source[pos] === 0x45) {
    pos++;
    if (source[pos] === 0x2b || source[pos] === 0x2d) pos++;
    pos = skipDigits(source, pos, 'in exponent of numeric literal');
  }
  return pos;
}

/** The offset after the literal (`true`, `false`, `null`) that begins at `at`. */
export function scanLiteral(source: Uint8Array, at: number, literal: string): number {
  for (let index = 1; index < literal.length; index++) {
    if (source[at + index] !== literal.charCodeAt(index)) {
      throw unexpectedByte(source, at + index, `in literal ${literal} (expecting '${literal[index]}')`);
    }
  }
  return at + literal.length;
}
