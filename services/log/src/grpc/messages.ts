import type { WireSchema } from '@sigstead/formats';

/** SPEC: google/protobuf/empty.proto */
export const EMPTY = {} as const satisfies WireSchema;

/** SPEC: google/protobuf/any.proto */
export const ANY = {
  typeUrl: { number: 1, kind: 'string' },
  value: { number: 2, kind: 'bytes' },
} as const satisfies WireSchema;

/** SPEC: google/api/httpbody.proto */
export const HTTP_BODY = {
  contentType: { number: 1, kind: 'string' },
  data: { number: 2, kind: 'bytes' },
  extensions: { number: 3, kind: 'message', repeated: true, message: ANY },
} as const satisfies WireSchema;

/** SPEC: rekor-tiles, rekor_service.proto. The fields are named by single capitals. */
export const TILE_REQUEST = {
  L: { number: 1, kind: 'uint32', protoName: 'L' },
  N: { number: 2, kind: 'string', protoName: 'N' },
} as const satisfies WireSchema;

export const ENTRY_BUNDLE_REQUEST = { N: { number: 1, kind: 'string', protoName: 'N' } } as const satisfies WireSchema;
