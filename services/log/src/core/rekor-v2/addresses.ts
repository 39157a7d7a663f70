/** An iPAddress as text, IPv6 in its one canonical spelling; undefined when it has neither length. SPEC: RFC 5280 §4.2.1.6, RFC 5952 */
export function addressText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return canonicalAddress(groups.join(':'));
}

/** The canonical spelling of an IP address; undefined when the text is none. */
export function canonicalAddress(text: string): string | undefined {
  if (/^(?:\d{1,3}\.){3}\d{1,3}$/.test(text)) return text;
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(text) || !text.includes(':')) return undefined;
  // SPEC: WHATWG URL, IPv6 serializer: as RFC 5952 has it, in brackets.
  return URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
}
