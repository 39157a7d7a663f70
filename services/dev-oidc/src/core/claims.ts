import { OidcError } from './errors.ts';
import type { IssuerKind } from './issuers.ts';
import { CLIENT_ID } from './issuers.ts';

/** Who the token speaks of: an address at the email issuer, claims at the two others. */
export type Identity =
  | { readonly issuer: 'email'; readonly email: string }
  | { readonly issuer: 'uri' | 'ci'; readonly claims: Readonly<Record<string, unknown>> };

/** A wish for a token: whom it speaks of, and for how long. */
export type TokenRequest = Identity & { readonly lifetimeSeconds?: number };

/** Longest life of a token, and the life it has when nobody asks; in seconds. */
export const MAX_LIFETIME_SECONDS = 86_400;
export const DEFAULT_LIFETIME_SECONDS = 3_600;

/** Bound on the claims of one token as JSON text; the CA's own limit on a request lies far above. */
const MAX_CLAIMS_LENGTH = 16_384;
/** JSON.stringify recurses: the depth is checked before it. */
const MAX_CLAIMS_DEPTH = 16;
/** RFC 5321 §4.5.3.1.3: a path is at most 256 octets with its brackets. */
const MAX_EMAIL_LENGTH = 254;
const EMAIL = /^[^\s@<>"\p{Cc}]+@[^\s@<>"\p{Cc}]+$/u;

/** Reads who to speak of from values that came from outside. Throws invalid_request in words for a person. */
export function readIdentity(kind: IssuerKind, input: { email?: unknown; claims?: unknown }): Identity {
  if (kind === 'email') {
    if (input.claims !== undefined) {
      throw new OidcError('invalid_request', 'the email issuer takes an email, not claims');
    }
    return { issuer: 'email', email: readEmail(input.email) };
  }
  if (input.email !== undefined) {
    throw new OidcError('invalid_request', `the ${kind} issuer takes claims, not an email`);
  }
  return { issuer: kind, claims: readClaims(input.claims) };
}

function readEmail(value: unknown): string {
  if (typeof value !== 'string' || value.length > MAX_EMAIL_LENGTH || !EMAIL.test(value)) {
    throw new OidcError('invalid_request', 'email must be an address like you@example.com');
  }
  return value;
}

function readClaims(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OidcError('invalid_request', 'claims must be a JSON object');
  }
  const claims: Record<string, unknown> = { ...value };
  if (typeof claims['sub'] !== 'string' || claims['sub'] === '') {
    throw new OidcError('invalid_request', 'claims must hold "sub", a text that is not empty');
  }
  if (deeperThan(claims, MAX_CLAIMS_DEPTH)) {
    throw new OidcError('invalid_request', `claims must not be nested deeper than ${MAX_CLAIMS_DEPTH}`);
  }
  if (JSON.stringify(claims).length > MAX_CLAIMS_LENGTH) {
    throw new OidcError('invalid_request', `claims must not exceed ${MAX_CLAIMS_LENGTH} characters`);
  }
  return claims;
}

/** Level by level, without recursion: the value may be nested as deep as a request body allows. */
function deeperThan(value: object, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap((item): unknown[] => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return false;
}

/** Reads a wished life in seconds; nothing wished gives the default. */
export function readLifetime(value: unknown): number {
  if (value === undefined) return DEFAULT_LIFETIME_SECONDS;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_LIFETIME_SECONDS) {
    throw new OidcError(
      'invalid_request',
      `lifetime must be a whole number of seconds from 1 to ${MAX_LIFETIME_SECONDS}`,
    );
  }
  return value;
}

export interface TokenTimes {
  readonly nowMs: number;
  readonly lifetimeSeconds: number;
}

/**
 * The claims of a token. What makes it this issuer's token (iss, aud and the times) cannot be set from outside.
 *
 * At the email issuer `sub` is the address too: clients differ in which of the two they prove possession over for an
 * issuer they do not know, and the CA wants the address.
 */
export function tokenClaims(
  iss: string,
  identity: Identity,
  times: TokenTimes,
  nonce?: string,
): Record<string, unknown> {
  const iat = Math.floor(times.nowMs / 1000);
  const own = {
    iss,
    aud: CLIENT_ID,
    iat,
    nbf: iat,
    exp: iat + times.lifetimeSeconds,
    ...(nonce === undefined ? {} : { nonce }),
  };
  if (identity.issuer === 'email') {
    return { ...own, sub: identity.email, email: identity.email, email_verified: true };
  }
  const { nonce: _nonce, ...claims } = identity.claims;
  return { ...claims, ...own };
}
