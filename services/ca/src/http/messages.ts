import { decodeGatewayBody, FormatError } from '@sigstead/formats';

/** SPEC: fulcio.proto, dev.sigstore.fulcio.v2.CreateSigningCertificateRequest */
const V2_REQUEST = {
  credentials: {
    kind: 'message',
    message: { oidcIdentityToken: { kind: 'string', oneof: 'dev.sigstore.fulcio.v2.Credentials.credentials' } },
  },
  publicKeyRequest: {
    kind: 'message',
    oneof: 'dev.sigstore.fulcio.v2.CreateSigningCertificateRequest.key',
    message: {
      publicKey: {
        kind: 'message',
        message: {
          algorithm: {
            kind: 'enum',
            values: { PUBLIC_KEY_ALGORITHM_UNSPECIFIED: 0, RSA_PSS: 1, ECDSA: 2, ED25519: 3 },
          },
          content: { kind: 'string' },
        },
      },
      proofOfPossession: { kind: 'bytes' },
    },
  },
  certificateSigningRequest: { kind: 'bytes', oneof: 'dev.sigstore.fulcio.v2.CreateSigningCertificateRequest.key' },
} as const;

/** SPEC: fulcio_legacy.proto; its fields are camelCase themselves, so there are no other names. */
const V1_REQUEST = {
  publicKey: {
    kind: 'message',
    protoName: 'publicKey',
    message: { content: { kind: 'bytes' }, algorithm: { kind: 'string' } },
  },
  signedEmailAddress: { kind: 'bytes', protoName: 'signedEmailAddress' },
  certificateSigningRequest: { kind: 'bytes', protoName: 'certificateSigningRequest' },
} as const;

/** Go's decoder nests this deep; deeper text is refused with its words. */
const LIMITS = { unknown: 'ignore', maxDepth: 10_000 } as const;
const NONE = new Uint8Array(0);

export interface SigningMessage {
  readonly token: string | undefined;
  readonly publicKey: Uint8Array;
  readonly proofOfPossession: Uint8Array;
  readonly csr: Uint8Array;
}

/** The body was no such message; the text is the client's. */
export class MessageError extends Error {}

export function readV2(body: Uint8Array): SigningMessage {
  const message = decode(() => decodeGatewayBody(V2_REQUEST, body, LIMITS));
  const content = message.publicKeyRequest?.publicKey?.content ?? '';
  return {
    token: message.credentials?.oidcIdentityToken,
    publicKey: Buffer.from(content, 'utf8'),
    proofOfPossession: message.publicKeyRequest?.proofOfPossession ?? NONE,
    csr: message.certificateSigningRequest ?? NONE,
  };
}

/** The token of this version stands in the header only. */
export function readV1(body: Uint8Array): SigningMessage {
  const message = decode(() => decodeGatewayBody(V1_REQUEST, body, LIMITS));
  return {
    token: undefined,
    publicKey: message.publicKey?.content ?? NONE,
    proofOfPossession: message.signedEmailAddress ?? NONE,
    csr: message.certificateSigningRequest ?? NONE,
  };
}

function decode<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) throw new MessageError(error.message);
    throw error;
  }
}

/** The token of an Authorization header: one literal `Bearer ` is taken off, and a bare token is one too. */
export function bearerToken(header: string | undefined): string | undefined {
  const token = header?.replace(/^Bearer /, '').trim();
  return token === '' ? undefined : token;
}
