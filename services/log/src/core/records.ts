import { LogError } from './errors.ts';

/** What is kept of an entry: the bytes that are hashed into the tree, and bytes beside them that are not. */
export interface LeafRecord {
  leaf: Uint8Array;
  extra: Uint8Array;
}

const FRAME_BYTES = 8;

/** Bytes a record takes in a batch. */
export function recordBytes(record: LeafRecord): number {
  return FRAME_BYTES + record.leaf.length + record.extra.length;
}

/** One blob of a batch: for each record u32 BE length of leaf, u32 BE length of extra, leaf, extra. */
export function packRecords(records: readonly LeafRecord[]): Buffer {
  const packed = Buffer.allocUnsafe(records.reduce((sum, record) => sum + recordBytes(record), 0));
  let at = 0;
  for (const { leaf, extra } of records) {
    at = packed.writeUInt32BE(leaf.length, at);
    at = packed.writeUInt32BE(extra.length, at);
    packed.set(leaf, at);
    packed.set(extra, at + leaf.length);
    at += leaf.length + extra.length;
  }
  return packed;
}

/** Takes a blob apart; the arrays are views of it. Throws `internal` when it does not hold exactly `count` records. */
export function unpackRecords(blob: Uint8Array, count: number): LeafRecord[] {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const records: LeafRecord[] = [];
  let at = 0;
  while (records.length < count && at + FRAME_BYTES <= blob.length) {
    const leafEnd = at + FRAME_BYTES + view.getUint32(at);
    const end = leafEnd + view.getUint32(at + 4);
    if (end > blob.length) break;
    records.push({ leaf: blob.subarray(at + FRAME_BYTES, leafEnd), extra: blob.subarray(leafEnd, end) });
    at = end;
  }
  if (records.length !== count || at !== blob.length) {
    throw new LogError('internal', 'internal error', { detail: `batch blob does not hold ${count} records` });
  }
  return records;
}
