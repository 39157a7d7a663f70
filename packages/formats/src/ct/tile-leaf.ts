import { encodeTimestampedEntry, readTimestampedEntry, type TimestampedEntry } from './entry.ts';
import { fixed, TlsReader, vector } from './tls.ts';

const FINGERPRINT_BYTES = 32;

/** One entry of a data tile. SPEC: C2SP static-ct-api, "Log entries" */
export interface TileLeaf extends TimestampedEntry {
  /** As submitted; exactly in precertificate entries. */
  readonly precertificate: Uint8Array | undefined;
  /** SHA-256 of each certificate above the entry, issuer first. */
  readonly chain: readonly Uint8Array[];
}

/** TimestampedEntry ‖ precertificate, if it is one ‖ fingerprints. Throws `tls_out_of_range`. SPEC: C2SP static-ct-api, TileLeaf */
export function encodeTileLeaf(leaf: TileLeaf): Uint8Array {
  const { precertificate, chain } = leaf;
  return Buffer.concat([
    encodeTimestampedEntry(leaf),
    ...(precertificate === undefined ? [] : [vector(precertificate, 3)]),
    vector(Buffer.concat(chain.map((each) => fixed(each, FINGERPRINT_BYTES))), 2),
  ]);
}

/** The entries of a data tile, in order. Throws `tls_malformed`, `tls_out_of_range`. SPEC: C2SP static-ct-api, "Log entries" */
export function decodeDataTile(bytes: Uint8Array): TileLeaf[] {
  const reader = new TlsReader(bytes);
  const leaves: TileLeaf[] = [];
  while (!reader.done) leaves.push(readTileLeaf(reader));
  return leaves;
}

function readTileLeaf(reader: TlsReader): TileLeaf {
  const timestamped = readTimestampedEntry(reader);
  const precertificate = timestamped.entry.type === 'precert' ? reader.vector(3) : undefined;
  const list = new TlsReader(reader.vector(2));
  const chain: Uint8Array[] = [];
  while (!list.done) chain.push(list.take(FINGERPRINT_BYTES));
  return { ...timestamped, precertificate, chain };
}
