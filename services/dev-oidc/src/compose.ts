import type { Signer } from '@sigstead/keys';
import type { Clock, Logger } from '@sigstead/platform';
import type { FastifyInstance } from 'fastify';
import { calculateJwkThumbprint } from 'jose';
import { readIdentity, readLifetime, tokenClaims, type TokenRequest } from './core/claims.ts';
import { CodeStore } from './core/codes.ts';
import { discoveryDocument, type IssuerKind, issuerUrl } from './core/issuers.ts';
import { createTokenSigner } from './core/jwt.ts';
import { registerRoutes } from './http/routes.ts';

/** A code waits for its exchange at most this long; RFC 6749 §4.1.2 allows ten minutes, a machine needs seconds. */
const CODE_LIFETIME_MS = 60_000;
const MAX_WAITING_CODES = 1_000;

export interface DevOidcOptions {
  /** Anything but `dev` is refused: these issuers certify whatever they are told. */
  readonly mode: 'dev';
  readonly logger: Logger;
  readonly clock: Clock;
  /** Cryptographically strong random bytes. */
  readonly random: (size: number) => Uint8Array;
  /** Where the instance is reached, without a path. A function: with `--port 0` it is known only after listening. */
  readonly publicUrl: () => string;
  /** An RSA key; its tokens are RS256. */
  readonly signer: Signer;
}

export interface DevOidc {
  readonly routes: (app: FastifyInstance) => Promise<void>;
  /** Issuer URL of a kind, exactly as in `iss`. */
  readonly issuerUrl: (kind: IssuerKind) => string;
  /** What the discovery address and the key address answer, for a CA in the same process. */
  readonly discovery: (kind: IssuerKind) => Record<string, unknown>;
  readonly jwks: () => { keys: readonly Readonly<Record<string, unknown>>[] };
  /** A signed token. Throws OidcError when the wish cannot be met. */
  readonly token: (request: TokenRequest) => Promise<string>;
  readonly ready: () => Promise<{ ok: boolean; detail?: string }>;
  readonly close: () => Promise<void>;
}

/** Builds the three development issuers. It opens no listener and keeps its codes in memory only. */
export async function composeDevOidc(options: DevOidcOptions): Promise<DevOidc> {
  refuseOutsideDevelopment(options);
  const { clock, publicUrl } = options;
  const jwk = options.signer.publicKey.export({ format: 'jwk' });
  const signer = createTokenSigner(options.signer, await calculateJwkThumbprint(jwk));
  const codes = new CodeStore({
    nowMs: () => clock.nowMs(),
    random: options.random,
    lifetimeMs: CODE_LIFETIME_MS,
    maxCodes: MAX_WAITING_CODES,
  });
  const jwks = () => ({ keys: [signer.publicJwk] });
  const mint = (request: TokenRequest, nonce?: string) => {
    const identity = readIdentity(request.issuer, request);
    const times = { nowMs: clock.nowMs(), lifetimeSeconds: readLifetime(request.lifetimeSeconds) };
    return signer.sign(tokenClaims(issuerUrl(publicUrl(), identity.issuer), identity, times, nonce));
  };
  options.logger.info({ issuers: 3 }, 'development issuers are on: they certify whatever they are told');
  return {
    routes: (app) => registerRoutes(app, { publicUrl, codes, jwks, mint }),
    issuerUrl: (kind) => issuerUrl(publicUrl(), kind),
    discovery: (kind) => discoveryDocument(publicUrl(), kind),
    jwks,
    token: (request) => mint(request),
    ready: async () => ({ ok: true }),
    close: async () => undefined,
  };
}

/** The type says so already; a caller whose mode comes from a file is checked too. */
function refuseOutsideDevelopment(options: { readonly mode: string; readonly signer: Signer }): void {
  if (options.mode !== 'dev') throw new Error(`the development issuers refuse to run in mode ${options.mode}`);
  if (options.signer.algorithm !== 'rsa-pkcs1-sha256') {
    throw new Error(`the development issuers need an RSA key, not ${options.signer.algorithm}`);
  }
}
