import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Answer, Send } from './harness.ts';
import { keyPem } from './recorded.ts';
import { issuerToken } from './tokens.ts';

/* Requests the way clients make them. */

export const EMAIL_ISSUER = 'http://localhost:28080/email';
export const EMAIL = 'dev@example.com';
export const EMAIL_CLAIMS = { sub: 'user-1', email: EMAIL, email_verified: true };
export const ID_ERROR = 'There was an error processing the identity token';
export const SIGNATURE_ERROR = 'The signature supplied in the request could not be verified';

export interface V2Options {
  readonly token?: string | undefined;
  readonly key?: KeyObject;
  /** Text the proof is made over. */
  readonly proofOver?: string;
  readonly hash?: string | null;
  /** The proof itself, instead of making one. */
  readonly proof?: Uint8Array;
  readonly algorithm?: string;
  readonly content?: string;
}

export const clientKey = (name = 'c-p256'): KeyObject => createPrivateKey(keyPem(name));

export function spkiPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

export const emailToken = (claims: Readonly<Record<string, unknown>> = {}): string =>
  issuerToken(EMAIL_ISSUER, { ...EMAIL_CLAIMS, ...claims });

export function v2Body(options: V2Options = {}): string {
  const key = options.key ?? clientKey();
  const hash = options.hash === undefined ? 'sha256' : options.hash;
  const proof = options.proof ?? sign(hash, Buffer.from(options.proofOver ?? EMAIL), key);
  const token = 'token' in options ? options.token : emailToken();
  return JSON.stringify({
    ...(token === undefined ? {} : { credentials: { oidcIdentityToken: token } }),
    publicKeyRequest: {
      publicKey: { algorithm: options.algorithm ?? 'ECDSA', content: options.content ?? spkiPem(key) },
      proofOfPossession: Buffer.from(proof).toString('base64'),
    },
  });
}

export const v2 = (options: V2Options = {}, headers: Send['headers'] = []): Send => ({
  path: '/api/v2/signingCert',
  headers,
  body: v2Body(options),
});

/** A request of an issuer whose principals prove their key over `sub`. */
export const v2As = (issuer: string, claims: Readonly<Record<string, unknown>>): Send =>
  v2({ token: issuerToken(issuer, claims), proofOver: String(claims['sub']) });

export const csrBody = (pem: string, token: string | undefined = emailToken()): string =>
  JSON.stringify({
    credentials: { oidcIdentityToken: token },
    certificateSigningRequest: Buffer.from(pem).toString('base64'),
  });

export interface ErrorBody {
  readonly code: number;
  readonly message: string;
}

export const errorOf = (answer: Answer): ErrorBody => JSON.parse(answer.body.toString('utf8')) as ErrorBody;
