/**
 * Why a request was refused. The codes that a client sees are the ones of RFC 6749 §4.1.2.1 and §5.2;
 * `unusable_request` never reaches a redirect: the redirect address itself cannot be trusted.
 */
export type OidcErrorCode =
  | 'unusable_request'
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'login_required'
  | 'access_denied';

/** A refusal with its text for the client; nothing in it is secret. */
export class OidcError extends Error {
  readonly code: OidcErrorCode;

  constructor(code: OidcErrorCode, message: string) {
    super(message);
    this.name = 'OidcError';
    this.code = code;
  }
}
