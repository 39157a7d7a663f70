import { CaError, identityTokenError } from '../errors.ts';
import { type GoUrl, GoUrlError, goUrlHostname, goUrlToString, parseGoUrl } from '../go/go-url.ts';
import type { VerifiedToken } from '../ports.ts';
import { isEmail } from './is-email.ts';
import { asciiName, extensionList, type Principal } from './principal.ts';

export interface UriRule {
  readonly type: 'uri';
  /** Scheme and host that every subject must have. */
  readonly subjectDomain: GoUrl;
}

/**
 * Subject is a URI below the configured domain. Schemes compare without regard to case, hosts with regard to it; port
 * and user part are not compared. Throws the identity-token error.
 */
export function uriPrincipal(rule: UriRule, token: VerifiedToken): Principal {
  const { subject } = token;
  if (isEmail(subject)) throw identityTokenError('uri subject is an email address');
  const url = parseSubject(subject);
  if (url.scheme !== rule.subjectDomain.scheme) throw identityTokenError('subject has another scheme than the domain');
  if (goUrlHostname(url) !== goUrlHostname(rule.subjectDomain)) throw identityTokenError('subject is on another host');
  return {
    challenge: subject,
    identity: () => ({
      name: asciiName('uri', goUrlToString(url)),
      extensions: extensionList({ issuer: token.issuer, subject }),
    }),
  };
}

function parseSubject(subject: string): GoUrl {
  try {
    return parseGoUrl(subject);
  } catch (error) {
    if (error instanceof GoUrlError) throw identityTokenError(`subject is no URI: ${error.message}`);
    throw error;
  }
}

/** The URI a mapping gave, in the spelling that goes into the certificate. Throws `identity_unusable`. */
export function mappedUri(text: string): string {
  try {
    return goUrlToString(parseGoUrl(text));
  } catch (error) {
    if (error instanceof GoUrlError) throw new CaError('identity_unusable', { message: error.message });
    throw error;
  }
}
