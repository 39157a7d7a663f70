import { createHash, timingSafeEqual } from 'node:crypto';
import type { CodeStore, Grant } from './codes.ts';
import { OidcError } from './errors.ts';
import type { Params } from './form.ts';
import { CLIENT_ID, type IssuerKind } from './issuers.ts';

/** SPEC: RFC 7636 §4.1. */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/**
 * Exchanges a code for its grant. A code is spent by the attempt, also by a failed one, so a verifier cannot be
 * guessed at. SPEC: RFC 6749 §4.1.3, RFC 7636 §4.6.
 */
export function exchangeCode(
  kind: IssuerKind,
  params: Params,
  authorization: string | undefined,
  codes: CodeStore,
): Grant {
  checkClient(params, authorization);
  if (params.get('grant_type') !== 'authorization_code') {
    throw new OidcError('unsupported_grant_type', 'grant_type must be authorization_code');
  }
  const code = params.get('code');
  if (code === undefined) throw new OidcError('invalid_request', 'code is missing');
  const grant = codes.take(code);
  if (grant === undefined || grant.identity.issuer !== kind) {
    throw new OidcError('invalid_grant', 'the code is unknown, expired or already used');
  }
  if (params.get('redirect_uri') !== grant.redirectUri) {
    throw new OidcError('invalid_grant', 'redirect_uri is not the one the code was sent to');
  }
  if (!verifierMatches(params.get('code_verifier'), grant.codeChallenge)) {
    throw new OidcError('invalid_grant', 'code_verifier does not match the code_challenge');
  }
  return grant;
}

function verifierMatches(verifier: string | undefined, challenge: string): boolean {
  if (verifier === undefined || !VERIFIER.test(verifier)) return false;
  const expected = Buffer.from(challenge, 'base64url');
  const actual = createHash('sha256').update(verifier).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/**
 * A public client: its id by HTTP Basic with an empty secret, or in the body. A secret that is not empty is a
 * misconfigured client and is told so. SPEC: RFC 6749 §2.3.1.
 */
function checkClient(params: Params, authorization: string | undefined): void {
  const ids = [params.get('client_id')];
  if (authorization !== undefined) ids.push(basicClientId(authorization));
  const named = ids.filter((id) => id !== undefined);
  if (named.length === 0 || named.some((id) => id !== CLIENT_ID)) {
    throw new OidcError('invalid_client', `client_id must be ${CLIENT_ID}`);
  }
  if (params.has('client_secret')) throw new OidcError('invalid_client', 'the client has no secret');
}

function basicClientId(authorization: string): string {
  const match = /^Basic +([A-Za-z0-9+/]{1,512}={0,2})$/i.exec(authorization);
  if (match === null) throw new OidcError('invalid_client', 'the Authorization header is not HTTP Basic');
  const text = Buffer.from(match[1] ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw new OidcError('invalid_client', 'the Authorization header is not HTTP Basic');
  if (text.length > colon + 1) throw new OidcError('invalid_client', 'the client has no secret');
  return text.slice(0, colon);
}
