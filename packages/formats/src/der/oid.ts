import { DerError } from './errors.ts';

const MAX_OID_CONTENT = 512;

/**
 * Content octets of an OBJECT IDENTIFIER given in dotted form, for example `1.2.840.10045.2.1`.
 * Arcs may be of any size. Throws `bad_oid`.
 * SPEC: X.690 §8.19
 */
export function encodeOidContent(dotted: string): Uint8Array {
  if (dotted.length > 1024 || !/^[0-2](\.(0|[1-9][0-9]*))+$/.test(dotted))
    throw new DerError('bad_oid', `not an object identifier: ${dotted.slice(0, 80)}`);
  const arcs = dotted.split('.').map((arc) => BigInt(arc));
  const [first = 0n, second = 0n] = arcs;
  if (first < 2n && second > 39n) throw new DerError('bad_oid', 'second arc over 39 below arc 0 or 1');
  const out: number[] = [];
  for (const arc of [first * 40n + second, ...arcs.slice(2)]) pushBase128(out, arc);
  return Uint8Array.from(out);
}

function pushBase128(out: number[], arc: bigint): void {
  const septets: number[] = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) septets.push(Number(rest & 0x7fn) | 0x80);
  for (let i = septets.length - 1; i >= 0; i--) out.push(septets[i] ?? 0);
}

/**
 * Dotted form of OBJECT IDENTIFIER content octets. Refuses empty, over-long (512 octets), non-minimal and truncated arcs with `bad_oid`.
 * SPEC: X.690 §8.19.2
 */
export function decodeOidContent(content: Uint8Array): string {
  if (content.length === 0 || content.length > MAX_OID_CONTENT)
    throw new DerError('bad_oid', 'empty or over-long object identifier');
  const arcs: bigint[] = [];
  let arc = 0n;
  let fresh = true;
  for (const octet of content) {
    if (fresh && octet === 0x80) throw new DerError('bad_oid', 'arc with a leading zero septet');
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    fresh = (octet & 0x80) === 0;
    if (fresh) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  if (!fresh) throw new DerError('bad_oid', 'truncated arc');
  const head = arcs[0] ?? 0n;
  const first = head < 40n ? 0n : head < 80n ? 1n : 2n;
  return [first, head - first * 40n, ...arcs.slice(1)].join('.');
}
