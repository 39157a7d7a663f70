import type { LeafRecord } from './records.ts';

/** Longest bundle there can be: 256 entries of 65535 bytes, each behind its length. SPEC: C2SP tlog-tiles, "Log entries" */
export const MAX_BUNDLE_BYTES = 256 * (2 + 65_535);

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

export interface Bundle {
  /** Views of the bytes, in order; those before the fault if there is one. */
  readonly entries: Uint8Array[];
  /** Offset behind the last of them. */
  readonly end: number;
  /** What is wrong with the form. Undefined exactly when `entries` has the width asked for and nothing follows it. */
  readonly fault: string | undefined;
}

/**
 * Takes a bundle of `width` entries apart: each is a big-endian u16 length and its bytes. Never throws. With `prefixOnly`
 * more may follow: a wider bundle read in the place of a narrower one.
 */
export function readBundle(bytes: Uint8Array, width: number, prefixOnly = false): Bundle {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (entries.length < width) {
    const start = at + 2;
    const end = start + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0));
    if (start > bytes.length || end > bytes.length) {
      const text = at === bytes.length ? `it ends after ${entries.length} of ${width} entries` : 'an entry is cut off';
      return { entries, end: at, fault: text };
    }
    entries.push(bytes.subarray(start, end));
    at = end;
  }
  const extra = bytes.length - at;
  const fault = extra > 0 && !prefixOnly ? `${extra} bytes follow its ${width} entries` : undefined;
  return { entries, end: at, fault };
}
