/** The one client these issuers know, and the audience of every token. */
export const CLIENT_ID = 'sigstore';

/** An issuer URL has exactly one issuer type at the CA, hence one issuer per type. */
export type IssuerKind = 'email' | 'uri' | 'ci';

/** What tells the issuers apart: their place below the public URL. */
export interface IssuerPlace {
  readonly kind: IssuerKind;
  /** Path of the issuer URL, without a trailing slash. */
  readonly path: string;
}

export const ISSUERS: readonly IssuerPlace[] = [
  { kind: 'email', path: '/oidc' },
  { kind: 'uri', path: '/oidc/uri' },
  { kind: 'ci', path: '/oidc/ci' },
];

const PATHS: Record<IssuerKind, string> = { email: '/oidc', uri: '/oidc/uri', ci: '/oidc/ci' };

/** True for one of the three names; used where the name comes from outside. */
export function isIssuerKind(value: unknown): value is IssuerKind {
  return value === 'email' || value === 'uri' || value === 'ci';
}

/** `iss` of the issuer: the public URL and its path, no trailing slash (it is compared character by character). */
export function issuerUrl(publicUrl: string, kind: IssuerKind): string {
  return publicUrl.replace(/\/+$/, '') + PATHS[kind];
}

/**
 * The discovery document of one issuer.
 *
 * There is no device_authorization_endpoint: clients that look for it learn that there is no device flow.
 * SPEC: OpenID Connect Discovery 1.0 §3; RFC 8414 §2 for code_challenge_methods_supported.
 */
export function discoveryDocument(publicUrl: string, kind: IssuerKind): Record<string, unknown> {
  const issuer = issuerUrl(publicUrl, kind);
  return {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: kind === 'email' ? ['openid', 'email'] : ['openid'],
    claims_supported: [
      'iss',
      'sub',
      'aud',
      'iat',
      'nbf',
      'exp',
      ...(kind === 'email' ? ['email', 'email_verified'] : []),
    ],
  };
}
