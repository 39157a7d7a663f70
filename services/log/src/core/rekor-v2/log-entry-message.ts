import type { ProtoMessage, WireSchema } from '@sigstead/formats';
import type { LoggedEntry } from './response.ts';

// SPEC: sigstore protobuf-specs, sigstore_common.proto and sigstore_rekor.proto.

export const LOG_ID = { keyId: { number: 1, kind: 'bytes' } } as const satisfies WireSchema;

export const KIND_VERSION = {
  kind: { number: 1, kind: 'string' },
  version: { number: 2, kind: 'string' },
} as const satisfies WireSchema;

export const CHECKPOINT = { envelope: { number: 1, kind: 'string' } } as const satisfies WireSchema;

export const INCLUSION_PROMISE = { signedEntryTimestamp: { number: 1, kind: 'bytes' } } as const satisfies WireSchema;

export const INCLUSION_PROOF = {
  logIndex: { number: 1, kind: 'int64' },
  rootHash: { number: 2, kind: 'bytes' },
  treeSize: { number: 3, kind: 'int64' },
  hashes: { number: 4, kind: 'bytes', repeated: true },
  checkpoint: { number: 5, kind: 'message', message: CHECKPOINT },
} as const satisfies WireSchema;

export const TRANSPARENCY_LOG_ENTRY = {
  logIndex: { number: 1, kind: 'int64' },
  logId: { number: 2, kind: 'message', message: LOG_ID },
  kindVersion: { number: 3, kind: 'message', message: KIND_VERSION },
  integratedTime: { number: 4, kind: 'int64' },
  inclusionPromise: { number: 5, kind: 'message', message: INCLUSION_PROMISE },
  inclusionProof: { number: 6, kind: 'message', message: INCLUSION_PROOF },
  canonicalizedBody: { number: 7, kind: 'bytes' },
} as const satisfies WireSchema;

/** The same answer as transparencyLogEntry(), as a message: no time and no promise here either. */
export function logEntryMessage(entry: LoggedEntry): ProtoMessage<typeof TRANSPARENCY_LOG_ENTRY> {
  return {
    logIndex: BigInt(entry.index),
    logId: { keyId: entry.keyId },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    inclusionProof: {
      logIndex: BigInt(entry.index),
      rootHash: entry.root,
      treeSize: BigInt(entry.size),
      hashes: [...entry.proof],
      checkpoint: { envelope: Buffer.from(entry.note).toString('utf8') },
    },
    canonicalizedBody: entry.leaf,
  };
}
