import { isIPv6 } from 'node:net';
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
  if (!isIPv6(address)) throw new Error('invalid IP-literal');
  return `[${address}${zone < 0 ? '' : unescapeBytes(inside.slice(zone), 'zone')}]${port}`;
}

function checkPort(port: string): void {
  if (port !== '' && !/^:\d*$/.test(port)) throw new Error(`invalid port ${goQuote(port)} after host`);
}
