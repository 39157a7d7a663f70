export { composeDevOidc, type DevOidc, type DevOidcOptions } from './compose.ts';
export { DEFAULT_LIFETIME_SECONDS, type Identity, MAX_LIFETIME_SECONDS, type TokenRequest } from './core/claims.ts';
export { OidcError, type OidcErrorCode } from './core/errors.ts';
export { exampleCiClaims, exampleUriSubject } from './core/examples.ts';
export { CLIENT_ID, type IssuerKind } from './core/issuers.ts';
export { DEV_TOKEN_PATH } from './http/routes.ts';
