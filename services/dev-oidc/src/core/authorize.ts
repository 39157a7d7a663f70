import { OidcError } from './errors.ts';
import type { OidcErrorCode } from './errors.ts';
import type { Params } from './form.ts';
import { CLIENT_ID } from './issuers.ts';

/** An authorization request that was checked whole. */
export interface AuthorizationRequest {
  readonly redirectUri: string;
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  readonly codeChallenge: string;
  /** The parameters to carry through the login form, exactly as they came. */
  readonly carried: Params;
}

/** Either a request to show the login page for, or an error that the client learns through its redirect. */
export type AuthorizationDecision =
  | { readonly outcome: 'login'; readonly request: AuthorizationRequest }
  | { readonly outcome: 'redirect'; readonly location: string };

const CARRIED = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
] as const;

const MAX_VALUE_LENGTH = 2_048;
const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Base64url of 32 bytes. SPEC: RFC 7636 §4.2. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

/**
 * Decides what becomes of an authorization request. Throws `unusable_request` when client or redirect address are not
 * acceptable: such a request is answered here and never redirected.
 * SPEC: RFC 6749 §4.1.1 and §4.1.2.1; RFC 7636 §4.4.1; OpenID Connect Core 1.0 §3.1.2.
 */
export function decideAuthorization(params: Params): AuthorizationDecision {
  for (const name of CARRIED) {
    if ((params.get(name)?.length ?? 0) > MAX_VALUE_LENGTH) {
      throw new OidcError('unusable_request', `parameter ${name} is too long`);
    }
  }
  if (params.get('client_id') !== CLIENT_ID) {
    throw new OidcError('unusable_request', `client_id must be ${CLIENT_ID}`);
  }
  const redirectUri = checkRedirectUri(params.get('redirect_uri'));
  const fault = findFault(params);
  if (fault !== undefined) {
    return { outcome: 'redirect', location: errorRedirect(redirectUri, params.get('state'), fault[0], fault[1]) };
  }
  return { outcome: 'login', request: checkedRequest(params, redirectUri) };
}

function checkedRequest(params: Params, redirectUri: string): AuthorizationRequest {
  const carried = new Map<string, string>();
  for (const name of CARRIED) {
    const value = params.get(name);
    if (value !== undefined) carried.set(name, value);
  }
  return {
    redirectUri,
    state: params.get('state'),
    nonce: params.get('nonce'),
    codeChallenge: params.get('code_challenge') ?? '',
    carried,
  };
}

function findFault(params: Params): [OidcErrorCode, string] | undefined {
  if (params.get('response_type') !== 'code') {
    return ['unsupported_response_type', 'response_type must be code'];
  }
  if ((params.get('response_mode') ?? 'query') !== 'query') {
    return ['invalid_request', 'response_mode must be query'];
  }
  if (params.has('request') || params.has('request_uri')) {
    return ['invalid_request', 'request objects are not supported'];
  }
  if (params.get('code_challenge_method') !== 'S256' || !CHALLENGE.test(params.get('code_challenge') ?? '')) {
    return ['invalid_request', 'PKCE with code_challenge_method S256 is required'];
  }
  if (!(params.get('scope') ?? '').split(' ').includes('openid')) {
    return ['invalid_scope', 'scope must contain openid'];
  }
  if ((params.get('prompt') ?? '').split(' ').includes('none')) {
    return ['login_required', 'there are no sessions here: a login page must be shown'];
  }
  return undefined;
}

/**
 * Any port and path on this machine, no other host. Only the exact form that the address has after parsing is taken,
 * so no two parsers can disagree about where the code goes.
 * SPEC: RFC 8252 §7.3 (loopback redirects, any port).
 */
function checkRedirectUri(value: string | undefined): string {
  const url = value === undefined ? null : URL.parse(value);
  const acceptable =
    url !== null &&
    url.protocol === 'http:' &&
    LOOPBACK_HOSTS.has(url.hostname) &&
    url.username === '' &&
    url.password === '' &&
    !url.href.includes('#') &&
    (url.href === value || url.href === `${value}/`);
  if (value === undefined || !acceptable) {
    throw new OidcError('unusable_request', 'redirect_uri must be http on localhost, 127.0.0.1 or [::1]');
  }
  return value;
}

function errorRedirect(uri: string, state: string | undefined, code: OidcErrorCode, description: string): string {
  return withQuery(uri, { error: code, error_description: description, state });
}

/** The redirect that hands the code to the client. SPEC: RFC 6749 §4.1.2. */
export function codeRedirect(request: AuthorizationRequest, code: string): string {
  return withQuery(request.redirectUri, { code, state: request.state });
}

/** The redirect of a person who said no. */
export function deniedRedirect(request: AuthorizationRequest): string {
  return errorRedirect(request.redirectUri, request.state, 'access_denied', 'the login was cancelled');
}

function withQuery(uri: string, values: Record<string, string | undefined>): string {
  const url = new URL(uri);
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) url.searchParams.append(name, value);
  }
  return url.href;
}
