import { identityTokenError } from '../errors.ts';
import type { VerifiedToken } from '../ports.ts';
import { asciiName, extensionList, type Principal } from './principal.ts';

export interface SpiffeRule {
  readonly type: 'spiffe';
  readonly trustDomain: string;
}

/** SPEC: SPIFFE ID §2.1: lower-case letters, digits, dots, dashes, underscores. */
export function isTrustDomain(text: string): boolean {
  return text.length <= 255 && /^[a-z0-9._-]+$/.test(text);
}

/** SPEC: SPIFFE ID §2: no port, user, query, fragment, escapes, empty or dot segments, nor a slash at the end. */
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]+)((?:\/[A-Za-z0-9._-]+)*)$/;

/** Subject is a SPIFFE ID of exactly the configured trust domain. */
export function spiffePrincipal(rule: SpiffeRule, token: VerifiedToken): Principal {
  const { subject, issuer } = token;
  const [, trustDomain, path = ''] = SPIFFE_ID.exec(subject) ?? [];
  if (trustDomain === undefined) throw identityTokenError('subject is no SPIFFE ID');
  if (/\/\.\.?(?:\/|$)/.test(path)) throw identityTokenError('SPIFFE ID with a dot segment');
  if (trustDomain !== rule.trustDomain) throw identityTokenError('SPIFFE ID of another trust domain');
  return {
    challenge: subject,
    identity: () => ({ name: asciiName('uri', subject), extensions: extensionList({ issuer, subject }) }),
  };
}
