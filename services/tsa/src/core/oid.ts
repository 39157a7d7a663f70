import { MAX_OID_COMPONENTS, UNMATCHABLE_POLICY } from './request.ts';
import { Refusal } from './refusal.ts';

const MAX_COMPONENT = 2 ** 31 - 1;

/**
 * Dotted form of OBJECT IDENTIFIER content octets. Components over 31 bits, truncated or not minimal: Refusal.
 * The whole is checked, but only MAX_OID_COMPONENTS are built: beyond them the answer is UNMATCHABLE_POLICY.
 * SPEC: X.690 §8.19
 */
export function dottedFromContent(content: Uint8Array): string {
  if (content.length === 0) throw new Refusal('malformed', 'empty object identifier');
  const arcs: number[] = [];
  let arc = 0;
  let septets = 0;
  let count = 1;
  for (const octet of content) {
    if (septets === 0 && octet === 0x80) throw new Refusal('malformed', 'identifier component not minimal');
    if (septets === 5) throw new Refusal('malformed', 'identifier component too large');
    arc = arc * 128 + (octet & 0x7f);
    septets += 1;
    if (octet >= 0x80) continue;
    if (arc > MAX_COMPONENT) throw new Refusal('malformed', 'identifier component too large');
    count += 1;
    if (arcs.length < MAX_OID_COMPONENTS) arcs.push(arc);
    arc = 0;
    septets = 0;
  }
  if (septets !== 0) throw new Refusal('malformed', 'identifier component cut off');
  if (count > MAX_OID_COMPONENTS) return UNMATCHABLE_POLICY;
  const [head = 0, ...rest] = arcs;
  return (head < 80 ? [Math.floor(head / 40), head % 40, ...rest] : [2, head - 80, ...rest]).join('.');
}

/** More full stops than this are not split at all. */
const MAX_FULL_STOPS = 128;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/**
 * A policy as the JSON request writes it, in canonical dotted form. Signs and leading zeros are accepted as upstream
 * accepts them (`1.3.6.1.4.1.+057264.2`); anything else that is no list of 64-bit integers: Refusal `oid_text`.
 */
export function dottedFromText(text: string): string {
  const parts = text.split('.', MAX_FULL_STOPS + 2);
  if (parts.length > MAX_FULL_STOPS + 1) throw new Refusal('oid_text', 'too many components');
  return parts.map(component).join('.');
}

function component(text: string): string {
  const sound = text.length <= 1024 && /^[+-]?[0-9]+$/.test(text);
  const value = sound ? BigInt(text.replace(/^\+/, '')) : undefined;
  if (value === undefined || value > INT64_MAX || value < INT64_MIN)
    throw new Refusal('oid_text', 'component is no 64-bit integer');
  return value.toString();
}
