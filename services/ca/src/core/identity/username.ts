import { identityTokenError } from '../errors.ts';
import type { VerifiedToken } from '../ports.ts';
import { isEmail } from './is-email.ts';
import { extensionList, type Principal } from './principal.ts';

export interface UsernameRule {
  readonly type: 'username';
  /** Domain the names belong to, without scheme. */
  readonly subjectDomain: string;
}

/** Subject is a name within the configured domain; proof over the bare name. SPEC: Fulcio oidc.md, "Username" */
export function usernamePrincipal(rule: UsernameRule, token: VerifiedToken): Principal {
  const { subject, issuer } = token;
  // Upstream would certify `!domain`, which is nobody.
  if (subject === '') throw identityTokenError('token without subject');
  if (subject.includes('!')) throw identityTokenError('user name holds the mark that separates it from the domain');
  if (isEmail(subject)) throw identityTokenError('user name is an email address');
  return {
    challenge: subject,
    identity: () => ({
      name: { kind: 'username', value: `${subject}!${rule.subjectDomain}` },
      extensions: extensionList({ issuer, subject }),
    }),
  };
}
