import { FormatError } from '../errors.ts';

const SHORT_ESCAPES: Record<number, string> = {
  0x07: '\\a',
  0x08: '\\b',
  0x0c: '\\f',
  0x0a: '\\n',
  0x0d: '\\r',
  0x09: '\\t',
  0x0b: '\\v',
  0x5c: '\\\\',
  0x27: "\\'",
};

/** One input byte the way Go's encoding/json names it in an error: the byte is taken as a code point, quoted. */
function quoteByte(byte: number): string {
  const short = SHORT_ESCAPES[byte];
  if (short !== undefined) return `'${short}'`;
  if (byte < 0x20 || byte === 0x7f) return `'\\x${byte.toString(16).padStart(2, '0')}'`;
  if ((byte >= 0x80 && byte <= 0xa0) || byte === 0xad) return `'\\u${byte.toString(16).padStart(4, '0')}'`;
  return `'${String.fromCharCode(byte)}'`;
}

/** The error for a byte that may not stand where it stands; at the end of the input, for the byte that is missing. */
export function unexpectedByte(source: Uint8Array, offset: number, context: string): FormatError {
  const byte = source[offset];
  if (byte === undefined) return new FormatError('json_syntax', 'unexpected EOF', { offset });
  return new FormatError('json_syntax', `invalid character ${quoteByte(byte)} ${context}`, { offset });
}

export function tooDeep(source: Uint8Array, offset: number): FormatError {
  const bracket = quoteByte(source[offset] ?? 0x7b);
  return new FormatError('json_depth', `invalid character ${bracket} exceeded max depth`, { offset });
}
