import { FormatError } from './errors.ts';

/** No groups: a repeated one would keep a place to go back to for each repetition, and run out of stack on long texts. */
const STANDARD = /^[A-Za-z0-9+/]*={0,2}$/;
const URL_SAFE = /^[A-Za-z0-9_-]*={0,2}$/;

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
 * A protojson `bytes` value: standard or URL-safe alphabet, never both; padded, or unpadded when the length is no multiple
 * of four, counted with the line ends, which are skipped; other white space is refused, unused bits are ignored. All as
 * upstream does. SPEC: protobuf JSON mapping, `bytes`; RFC 4648 §4, §5. Returns undefined when it is none.
 */
export function decodeBase64Proto(text: string): Uint8Array | undefined {
  const isPadded = text.length % 4 === 0;
  const body = /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, '') : text;
  if (!STANDARD.test(body) && !URL_SAFE.test(body)) return undefined;
  const sound = isPadded ? body.length % 4 === 0 : body.length % 4 !== 1 && !body.endsWith('=');
  return sound ? Buffer.from(body, 'base64') : undefined;
}
