import { type FileSpec, KEY_DETAILS_ENUM } from '@sigstead/formats';
import {
  CHECKPOINT,
  INCLUSION_PROMISE,
  INCLUSION_PROOF,
  KIND_VERSION,
  LOG_ID,
  TRANSPARENCY_LOG_ENTRY,
} from '../core/rekor-v2/log-entry-message.ts';
import {
  CREATE_ENTRY,
  DSSE,
  ENVELOPE,
  ENVELOPE_SIGNATURE,
  HASHEDREKORD,
  PUBLIC_KEY,
  SIGNATURE,
  VERIFIER,
  X509_CERTIFICATE,
} from '../core/rekor-v2/messages.ts';
import { ANY, EMPTY, HTTP_BODY } from './messages.ts';

const REKOR_V2 = 'dev.sigstore.rekor.v2';

/** What the service's file imports, with the messages that a call can carry. SPEC: the .proto files of the same names. */
export const IMPORTED_FILES: readonly FileSpec[] = [
  { name: 'google/protobuf/any.proto', package: 'google.protobuf', messages: { Any: ANY } },
  { name: 'google/protobuf/empty.proto', package: 'google.protobuf', messages: { Empty: EMPTY } },
  {
    name: 'google/api/httpbody.proto',
    package: 'google.api',
    dependencies: ['google/protobuf/any.proto'],
    messages: { HttpBody: HTTP_BODY },
  },
  {
    name: 'sigstore_common.proto',
    package: 'dev.sigstore.common.v1',
    messages: { LogId: LOG_ID, X509Certificate: X509_CERTIFICATE },
    enums: { PublicKeyDetails: KEY_DETAILS_ENUM },
  },
  {
    name: 'sigstore_rekor.proto',
    package: 'dev.sigstore.rekor.v1',
    dependencies: ['sigstore_common.proto'],
    messages: {
      KindVersion: KIND_VERSION,
      Checkpoint: CHECKPOINT,
      InclusionProof: INCLUSION_PROOF,
      InclusionPromise: INCLUSION_PROMISE,
      TransparencyLogEntry: TRANSPARENCY_LOG_ENTRY,
    },
  },
  {
    name: 'envelope.proto',
    package: 'io.intoto',
    messages: { Envelope: ENVELOPE, Signature: ENVELOPE_SIGNATURE },
  },
  {
    name: 'rekor/v2/verifier.proto',
    package: REKOR_V2,
    dependencies: ['sigstore_common.proto'],
    messages: { PublicKey: PUBLIC_KEY, Verifier: VERIFIER, Signature: SIGNATURE },
  },
  {
    name: 'rekor/v2/hashedrekord.proto',
    package: REKOR_V2,
    dependencies: ['rekor/v2/verifier.proto'],
    messages: { HashedRekordRequestV002: HASHEDREKORD },
  },
  {
    name: 'rekor/v2/dsse.proto',
    package: REKOR_V2,
    dependencies: ['envelope.proto', 'rekor/v2/verifier.proto'],
    messages: { DSSERequestV002: DSSE },
  },
  {
    name: 'rekor/v2/entry.proto',
    package: REKOR_V2,
    dependencies: ['rekor/v2/dsse.proto', 'rekor/v2/hashedrekord.proto'],
    messages: { CreateEntryRequest: CREATE_ENTRY },
  },
];

/** What the file of the service needs besides its own messages. */
export const SERVICE_DEPENDENCIES = [
  'google/api/httpbody.proto',
  'google/protobuf/empty.proto',
  'sigstore_rekor.proto',
  'rekor/v2/entry.proto',
] as const;
