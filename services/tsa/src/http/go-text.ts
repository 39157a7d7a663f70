/** A header as the client's bytes: node:http gives each byte as one character. */
function headerText(header: string): string[] {
  const bytes = Buffer.from(header, 'latin1');
  const parts: string[] = [];
  // Sequences that are no UTF-8 are kept as single bytes, below.
  for (let at = 0; at < bytes.length; ) {
    const size = utf8Size(bytes, at);
    parts.push(size === 0 ? byteEscape(bytes[at] ?? 0) : quoted(bytes.toString('utf8', at, at + size)));
    at += Math.max(size, 1);
  }
  return parts;
}

function utf8Size(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const slice = bytes.subarray(at, at + size);
  return slice.length === size && !slice.toString('utf8').includes('\ufffd') ? size : 0;
}

function quoted(char: string): string {
  if (char === '"' || char === '\\') return `\\${char}`;
  if (char === '\t') return '\\t';
  if (char === ' ' || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x80) return byteEscape(code);
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

function byteEscape(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** A header value as Go's `%q` prints it. */
export function goQuote(header: string): string {
  return `"${headerText(header).join('')}"`;
}

/** JSON as Go's encoder writes it: `<`, `>`, `&` and the two line separators are escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
