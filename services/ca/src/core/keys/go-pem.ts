/**
 * The first PEM block of a text as Go's encoding/pem finds it: text before and after is skipped, header lines and any
 * line length are accepted, labels are case-sensitive, a block that does not hold together is passed over.
 * SPEC: RFC 7468 §3 (lax), RFC 1421 §4.6.1.1 (headers)
 */
export function firstPemBlock(text: string): { label: string; bytes: Uint8Array } | undefined {
  if (text.length > MAX_CHARS) return undefined;
  let pos = 0;
  for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts += 1) {
    const begin = findBegin(text, pos);
    if (begin === undefined) return undefined;
    const end = text.indexOf(`\n-----END ${begin.label}-----`, begin.bodyFrom - 1);
    const block = end < 0 ? undefined : readBlock(begin.label, text.slice(begin.bodyFrom, end));
    if (block !== undefined && endsLine(text, end + begin.label.length + 15)) return block;
    pos = begin.bodyFrom;
  }
  return undefined;
}

const MAX_CHARS = 256 * 1024;
const MAX_ATTEMPTS = 16;
const BEGIN = '-----BEGIN ';

function findBegin(text: string, from: number): { label: string; bodyFrom: number } | undefined {
  for (let at = text.indexOf(BEGIN, from); at >= 0; at = text.indexOf(BEGIN, at + 1)) {
    if (at > 0 && text[at - 1] !== '\n') continue;
    const newline = text.indexOf('\n', at);
    if (newline < 0) return undefined;
    const line = text.slice(at + BEGIN.length, newline).trimEnd();
    if (line.length <= 80 && line.endsWith('-----')) return { label: line.slice(0, -5), bodyFrom: newline + 1 };
  }
  return undefined;
}

/** Only white space may follow the closing dashes on their line. */
function endsLine(text: string, at: number): boolean {
  const newline = text.indexOf('\n', at);
  return text.slice(at, newline < 0 ? undefined : newline).trim() === '';
}

function readBlock(label: string, body: string): { label: string; bytes: Uint8Array } | undefined {
  const lines = body.split('\n');
  let first = 0;
  while (first < lines.length && lines[first]?.includes(':') === true) first += 1;
  const base64 = lines
    .slice(first)
    .join('')
    .replaceAll(/[ \t\r]/g, '');
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined;
  return { label, bytes: Buffer.from(base64, 'base64') };
}
