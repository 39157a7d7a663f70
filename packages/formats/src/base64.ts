import { FormatError } from './errors.ts';

/** No groups: a repeated one would keep a place to go back to for each repetition, and run out of stack on long texts. */
const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/;
const EITHER_ALPHABET = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** Standard base64 with padding. SPEC: RFC 4648 §4. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/**
 * Standard base64, padded, no white space, unused bits zero: exactly one text for each byte string.
 * SPEC: RFC 4648 §3.5, §4. Throws `base64_invalid`.
 */
export function decodeBase64Strict(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !STANDARD.test(text)) {
    throw new FormatError('base64_invalid', 'not standard base64 with padding');
  }
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new FormatError('base64_invalid', 'base64 has non-zero unused bits');
  return bytes;
}

/**
 * A protojson `bytes` value: standard or URL-safe alphabet (also mixed), padded or not; white space is refused, unused
 * bits are ignored as upstream does. SPEC: protobuf JSON mapping, `bytes`. Returns undefined when it is none.
 */
export function decodeBase64Proto(text: string): Uint8Array | undefined {
  const equals = text.indexOf('=');
  if (!EITHER_ALPHABET.test(text)) return undefined;
  const digits = equals === -1 ? text.length : equals;
  if (digits % 4 === 1) return undefined;
  if (equals !== -1 && text.length % 4 !== 0) return undefined;
  return Buffer.from(text, 'base64');
}
