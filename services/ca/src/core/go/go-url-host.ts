import { goQuote } from './go-quote.ts';
import { unescapeBytes } from './go-url-escape.ts';

/** Reads the host[:port] part of an authority (byte string); throws with Go's text. */
export function parseHost(host: string): string {
  const open = host.lastIndexOf('[');
  if (open > 0) throw new Error('invalid IP-literal');
  if (open === 0) return parseBracketed(host);
  const colon = host.indexOf(':');
  if (colon >= 0) checkPort(host.slice(colon));
  return unescapeBytes(host, 'host');
}

/** SPEC: RFC 3986 §3.2.2, RFC 6874 §2 (`%25` starts a zone). */
function parseBracketed(host: string): string {
  const close = host.lastIndexOf(']');
  if (close < 0) throw new Error("missing ']' in host");
  const port = host.slice(close + 1);
  checkPort(port);
  const inside = host.slice(1, close);
  const zone = inside.indexOf('%25');
  const address = unescapeBytes(zone < 0 ? inside : inside.slice(0, zone), 'host');
  if (!isIpv6(address)) throw new Error('invalid IP-literal');
  return `[${address}${zone < 0 ? '' : unescapeBytes(inside.slice(zone), 'zone')}]${port}`;
}

/** SPEC: RFC 4291 §2.2: eight groups, one run of them replaced by `::`, the last two possibly dotted. */
export function isIpv6(text: string): boolean {
  const halves = text.split('::');
  if (halves.length > 2 || text.length > 45) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  const isDotted = isIpv4(last) && !(halves.length === 2 && halves[1] === '');
  const plain = isDotted ? groups.slice(0, -1) : groups;
  if (!plain.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  const count = plain.length + (isDotted ? 2 : 0);
  return halves.length === 2 ? count <= 7 : count === 8;
}

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function checkPort(port: string): void {
  if (port !== '' && !/^:\d*$/.test(port)) throw new Error(`invalid port ${goQuote(port)} after host`);
}
