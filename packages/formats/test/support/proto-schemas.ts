import { KEY_DETAILS_ENUM, type ProtoSchema } from '../../src/index.ts';

/* Messages that the real servers read. */

const REKOR_ONEOF = 'dev.sigstore.rekor.v2.CreateEntryRequest.spec';
const VERIFIER_ONEOF = 'dev.sigstore.rekor.v2.Verifier.verifier';

export const REKOR = {
  hashedRekordRequestV002: {
    kind: 'message',
    oneof: REKOR_ONEOF,
    message: {
      digest: { kind: 'bytes' },
      signature: {
        kind: 'message',
        message: {
          content: { kind: 'bytes' },
          verifier: {
            kind: 'message',
            message: {
              publicKey: { kind: 'message', oneof: VERIFIER_ONEOF, message: { rawBytes: { kind: 'bytes' } } },
              x509Certificate: { kind: 'message', oneof: VERIFIER_ONEOF, message: { rawBytes: { kind: 'bytes' } } },
              keyDetails: { kind: 'enum', values: KEY_DETAILS_ENUM },
            },
          },
        },
      },
    },
  },
  dsseRequestV002: {
    kind: 'message',
    oneof: REKOR_ONEOF,
    message: {
      envelope: {
        kind: 'message',
        message: {
          payload: { kind: 'bytes' },
          payloadType: { kind: 'string' },
          signatures: {
            kind: 'message',
            repeated: true,
            message: { sig: { kind: 'bytes' }, keyid: { kind: 'string' } },
          },
        },
      },
      verifiers: {
        kind: 'message',
        repeated: true,
        message: {
          publicKey: { kind: 'message', oneof: VERIFIER_ONEOF, message: { rawBytes: { kind: 'bytes' } } },
          x509Certificate: { kind: 'message', oneof: VERIFIER_ONEOF, message: { rawBytes: { kind: 'bytes' } } },
          keyDetails: { kind: 'enum', values: KEY_DETAILS_ENUM },
        },
      },
    },
  },
} as const satisfies ProtoSchema;

export const FULCIO_ONEOF = 'dev.sigstore.fulcio.v2.CreateSigningCertificateRequest.key';
export const FULCIO = {
  credentials: { kind: 'message', message: { oidcIdentityToken: { kind: 'string' } } },
  publicKeyRequest: {
    kind: 'message',
    oneof: FULCIO_ONEOF,
    message: {
      publicKey: {
        kind: 'message',
        message: {
          algorithm: { kind: 'enum', values: { RSA_PSS: 1, ECDSA: 2, ED25519: 3 } },
          content: { kind: 'string' },
        },
      },
      proofOfPossession: { kind: 'bytes' },
    },
  },
  certificateSigningRequest: { kind: 'bytes', oneof: FULCIO_ONEOF },
} as const satisfies ProtoSchema;
