import { decodeMerkleTreeLeaf, decodePrecertExtraData, decodeX509ExtraData, encodeTileLeaf } from '@sigstead/formats';
import type { LeafRecord } from '../records.ts';

/**
 * The entries of a tile as static-ct-api has them: certificates above an entry by their fingerprints. Throws FormatError for
 * a record that is none of a CT log. SPEC: C2SP static-ct-api, "Log entries"
 */
export function dataTile(records: readonly LeafRecord[], sha256: (data: Uint8Array) => Uint8Array): Uint8Array {
  return Buffer.concat(records.map((record) => tileLeaf(record, sha256)));
}

function tileLeaf({ leaf, extra }: LeafRecord, sha256: (data: Uint8Array) => Uint8Array): Uint8Array {
  const timestamped = decodeMerkleTreeLeaf(leaf);
  const { precertificate, chain } = extraOf(timestamped.entry.type, extra);
  return encodeTileLeaf({ ...timestamped, precertificate, chain: chain.map(sha256) });
}

/** What is kept beside an entry: the certificates above it, issuer first, and a precertificate as it was sent. */
export function extraOf(
  type: 'x509' | 'precert',
  extra: Uint8Array,
): { precertificate: Uint8Array | undefined; chain: Uint8Array[] } {
  if (type === 'precert') return decodePrecertExtraData(extra);
  return { precertificate: undefined, chain: decodeX509ExtraData(extra) };
}
