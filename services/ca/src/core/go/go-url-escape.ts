import { goQuote } from './go-quote.ts';

/** Percent-escaping per URL component as Go does it; all strings here hold one char per byte. */
export type EscapeMode = 'path' | 'user' | 'host' | 'zone' | 'fragment';

const ALWAYS_PLAIN = /[A-Za-z0-9\-_.~]/;

/** Bytes (beyond the unreserved ones) that stay as they are, per component. SPEC: RFC 3986 §2.2, §3.2, §3.3, §3.5. */
const PLAIN: Readonly<Record<EscapeMode, string>> = {
  path: '$&+,/:;=@',
  user: '$&+,;=',
  host: '!$&\'()*+,;=:[]<>"',
  zone: '!$&\'()*+,;=:[]<>"',
  fragment: '$&+,/:;=?@!()*',
};

function mustEscape(char: string, mode: EscapeMode): boolean {
  return !ALWAYS_PLAIN.test(char) && !PLAIN[mode].includes(char);
}

/** Escapes what may not stand raw in the component, with upper-case hex. */
export function escapeBytes(bytes: string, mode: EscapeMode): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 1) {
    const char = bytes.charAt(i);
    out += mustEscape(char, mode) ? `%${hexByte(bytes.charCodeAt(i))}` : char;
  }
  return out;
}

function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}

/** Undoes percent-escaping. Throws with Go's text for a broken escape or a byte that a host may not hold. */
export function unescapeBytes(bytes: string, mode: EscapeMode): string {
  if (mode !== 'host' && mode !== 'zone' && !bytes.includes('%')) return bytes;
  let out = '';
  for (let i = 0; i < bytes.length; i += 1) {
    const char = bytes.charAt(i);
    if (char === '%') {
      out += unescapeOne(bytes.slice(i, i + 3), mode);
      i += 2;
      continue;
    }
    const isHost = mode === 'host' || mode === 'zone';
    if (isHost && bytes.charCodeAt(i) < 0x80 && mustEscape(char, mode)) {
      throw new Error(`invalid character ${goQuote(char)} in host name`);
    }
    out += char;
  }
  return out;
}

function unescapeOne(escape: string, mode: EscapeMode): string {
  if (!/^%[0-9A-Fa-f]{2}$/.test(escape)) throw escapeError(escape);
  const value = Number.parseInt(escape.slice(1), 16);
  const char = String.fromCharCode(value);
  // A host may hold escaped non-ASCII and %25 only; a zone anything a host may hold, and the space.
  if (mode === 'host' && value < 0x80 && escape !== '%25') throw escapeError(escape);
  if (mode === 'zone' && escape !== '%25' && char !== ' ' && mustEscape(char, 'host')) throw escapeError(escape);
  return char;
}

function escapeError(escape: string): Error {
  return new Error(`invalid URL escape ${goQuote(Buffer.from(escape, 'latin1').toString('utf8'))}`);
}

/** Whether `raw` is a spelling that may be written as it is. */
export function isWellEscaped(raw: string, mode: 'path' | 'fragment'): boolean {
  for (const char of raw) if (!"!$&'()*+,;=:@[]%".includes(char) && mustEscape(char, mode)) return false;
  return true;
}
