import { KEY_DETAILS_ENUM, type WireSchema } from '@sigstead/formats';

// The messages of the API, for JSON and for the binary format.
// SPEC: sigstore rekor-tiles, api/proto/rekor/v2: verifier.proto, hashedrekord.proto, dsse.proto, rekor_service.proto.

export const PUBLIC_KEY = { rawBytes: { number: 1, kind: 'bytes' } } as const satisfies WireSchema;

/** SPEC: protobuf-specs, sigstore_common.proto */
export const X509_CERTIFICATE = { rawBytes: { number: 1, kind: 'bytes' } } as const satisfies WireSchema;

const VERIFIER_ONEOF = 'dev.sigstore.rekor.v2.Verifier.verifier';
export const VERIFIER = {
  publicKey: { number: 1, kind: 'message', oneof: VERIFIER_ONEOF, message: PUBLIC_KEY },
  x509Certificate: { number: 2, kind: 'message', oneof: VERIFIER_ONEOF, message: X509_CERTIFICATE },
  keyDetails: { number: 3, kind: 'enum', values: KEY_DETAILS_ENUM },
} as const satisfies WireSchema;

export const SIGNATURE = {
  content: { number: 1, kind: 'bytes' },
  verifier: { number: 2, kind: 'message', message: VERIFIER },
} as const satisfies WireSchema;

export const HASHEDREKORD = {
  digest: { number: 1, kind: 'bytes' },
  signature: { number: 2, kind: 'message', message: SIGNATURE },
} as const satisfies WireSchema;

/** SPEC: protobuf-specs, envelope.proto */
export const ENVELOPE_SIGNATURE = {
  sig: { number: 1, kind: 'bytes' },
  keyid: { number: 2, kind: 'string' },
} as const satisfies WireSchema;

export const ENVELOPE = {
  payload: { number: 1, kind: 'bytes' },
  // The envelope's proto field is itself written in camel case.
  payloadType: { number: 2, kind: 'string', protoName: 'payloadType' },
  signatures: { number: 3, kind: 'message', repeated: true, message: ENVELOPE_SIGNATURE },
} as const satisfies WireSchema;

export const DSSE = {
  envelope: { number: 1, kind: 'message', message: ENVELOPE },
  verifiers: { number: 2, kind: 'message', repeated: true, message: VERIFIER },
} as const satisfies WireSchema;

const SPEC_ONEOF = 'dev.sigstore.rekor.v2.CreateEntryRequest.spec';
export const CREATE_ENTRY = {
  hashedRekordRequestV002: { number: 1, kind: 'message', oneof: SPEC_ONEOF, message: HASHEDREKORD },
  dsseRequestV002: { number: 2, kind: 'message', oneof: SPEC_ONEOF, message: DSSE },
} as const satisfies WireSchema;
