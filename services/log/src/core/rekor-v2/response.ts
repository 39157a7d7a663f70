import { encodeBase64 } from '@sigstead/formats';

/** An entry in the tree with all that proves it. */
export interface LoggedEntry {
  /** 32 bytes: the log's id. */
  keyId: Uint8Array;
  index: number;
  /** Of the head that covers it. */
  size: number;
  root: Uint8Array;
  /** Hashes from the leaf to that root. */
  proof: readonly Uint8Array[];
  /** The signed checkpoint of that head. */
  note: Uint8Array;
  /** The bytes in the tree. */
  leaf: Uint8Array;
}

/**
 * TransparencyLogEntry as protojson with every member present. Numbers of 64 bits are strings; the time is the
 * timestamp authority's business, hence "0"; the promise is always null, clients refuse anything else.
 * SPEC: sigstore protobuf-specs, sigstore_rekor.proto
 */
export function transparencyLogEntry(entry: LoggedEntry): Record<string, unknown> {
  return {
    logIndex: String(entry.index),
    logId: { keyId: encodeBase64(entry.keyId) },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    integratedTime: '0',
    inclusionPromise: null,
    inclusionProof: {
      logIndex: String(entry.index),
      rootHash: encodeBase64(entry.root),
      treeSize: String(entry.size),
      hashes: entry.proof.map(encodeBase64),
      checkpoint: { envelope: Buffer.from(entry.note).toString('utf8') },
    },
    canonicalizedBody: encodeBase64(entry.leaf),
  };
}
