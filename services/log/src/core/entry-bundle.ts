import type { LeafRecord } from './records.ts';

/** An entry bundle: each entry with its length before it. SPEC: C2SP tlog-tiles, Log entries: uint16, big-endian */
export function encodeBundle(records: readonly Pick<LeafRecord, 'leaf'>[]): Uint8Array {
  // Memory of its own: whoever keeps the bundle must not hold Node's shared pool with it.
  const bundle = Buffer.allocUnsafeSlow(records.reduce((sum, { leaf }) => sum + 2 + leaf.length, 0));
  let at = 0;
  for (const { leaf } of records) {
    at = bundle.writeUInt16BE(leaf.length, at);
    bundle.set(leaf, at);
    at += leaf.length;
  }
  return bundle;
}
