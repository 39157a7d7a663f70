import type { WireSchema } from '../../src/index.ts';
import { KEY_DETAILS_ENUM } from '../../src/index.ts';

// Messages of upstream's .proto files, for vectors that were made with upstream's own code.

const RAW = { rawBytes: { number: 1, kind: 'bytes' } } as const satisfies WireSchema;

const VERIFIER = {
  publicKey: { number: 1, kind: 'message', oneof: 'Verifier.verifier', message: RAW },
  x509Certificate: { number: 2, kind: 'message', oneof: 'Verifier.verifier', message: RAW },
  keyDetails: { number: 3, kind: 'enum', values: KEY_DETAILS_ENUM },
} as const satisfies WireSchema;

const ENVELOPE = {
  payload: { number: 1, kind: 'bytes' },
  payloadType: { number: 2, kind: 'string' },
  signatures: {
    number: 3,
    kind: 'message',
    repeated: true,
    message: { sig: { number: 1, kind: 'bytes' }, keyid: { number: 2, kind: 'string' } },
  },
} as const satisfies WireSchema;

export const CREATE_ENTRY = {
  hashedRekordRequestV002: {
    number: 1,
    kind: 'message',
    oneof: 'CreateEntryRequest.spec',
    message: {
      digest: { number: 1, kind: 'bytes' },
      signature: {
        number: 2,
        kind: 'message',
        message: { content: { number: 1, kind: 'bytes' }, verifier: { number: 2, kind: 'message', message: VERIFIER } },
      },
    },
  },
  dsseRequestV002: {
    number: 2,
    kind: 'message',
    oneof: 'CreateEntryRequest.spec',
    message: {
      envelope: { number: 1, kind: 'message', message: ENVELOPE },
      verifiers: { number: 2, kind: 'message', repeated: true, message: VERIFIER },
    },
  },
} as const satisfies WireSchema;

export const LOG_ENTRY = {
  logIndex: { number: 1, kind: 'int64' },
  logId: { number: 2, kind: 'message', message: { keyId: { number: 1, kind: 'bytes' } } },
  kindVersion: {
    number: 3,
    kind: 'message',
    message: { kind: { number: 1, kind: 'string' }, version: { number: 2, kind: 'string' } },
  },
  integratedTime: { number: 4, kind: 'int64' },
  inclusionPromise: { number: 5, kind: 'message', message: { signedEntryTimestamp: { number: 1, kind: 'bytes' } } },
  inclusionProof: {
    number: 6,
    kind: 'message',
    message: {
      logIndex: { number: 1, kind: 'int64' },
      rootHash: { number: 2, kind: 'bytes' },
      treeSize: { number: 3, kind: 'int64' },
      hashes: { number: 4, kind: 'bytes', repeated: true },
      checkpoint: { number: 5, kind: 'message', message: { envelope: { number: 1, kind: 'string' } } },
    },
  },
  canonicalizedBody: { number: 7, kind: 'bytes' },
} as const satisfies WireSchema;

export const WIRE_SCHEMAS: Readonly<Record<string, WireSchema>> = {
  CreateEntryRequest: CREATE_ENTRY,
  TransparencyLogEntry: LOG_ENTRY,
  TileRequest: { L: { number: 1, kind: 'uint32' }, N: { number: 2, kind: 'string' } },
  ExtensionNumberResponse: {
    baseTypeName: { number: 1, kind: 'string' },
    extensionNumber: { number: 2, kind: 'int32', repeated: true },
  },
  HealthListResponse: {
    statuses: {
      number: 1,
      kind: 'message',
      repeated: true,
      message: {
        key: { number: 1, kind: 'string' },
        value: { number: 2, kind: 'message', message: { status: { number: 1, kind: 'enum', values: {} } } },
      },
    },
  },
};

/** Every kind of field, single and repeated. */
export const EVERYTHING = {
  text: { number: 1, kind: 'string' },
  raw: { number: 2, kind: 'bytes' },
  flag: { number: 3, kind: 'bool' },
  signed: { number: 4, kind: 'int32' },
  unsigned: { number: 5, kind: 'uint32' },
  long: { number: 6, kind: 'int64' },
  unsignedLong: { number: 7, kind: 'uint64' },
  choice: { number: 8, kind: 'enum', values: { NONE: 0, ONE: 1 } },
  inner: {
    number: 9,
    kind: 'message',
    message: { text: { number: 1, kind: 'string' }, long: { number: 2, kind: 'int64' } },
  },
  texts: { number: 16, kind: 'string', repeated: true },
  raws: { number: 17, kind: 'bytes', repeated: true },
  flags: { number: 18, kind: 'bool', repeated: true },
  signeds: { number: 19, kind: 'int32', repeated: true },
  longs: { number: 2047, kind: 'int64', repeated: true },
  inners: { number: 2048, kind: 'message', repeated: true, message: { raw: { number: 1, kind: 'bytes' } } },
  either: { number: 100, kind: 'string', oneof: 'one' },
  or: { number: 101, kind: 'uint32', oneof: 'one' },
  orElse: { number: 536_870_911, kind: 'message', oneof: 'one', message: { flag: { number: 1, kind: 'bool' } } },
} as const satisfies WireSchema;
