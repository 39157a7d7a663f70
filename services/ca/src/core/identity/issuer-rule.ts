import { CaError } from '../errors.ts';
import type { VerifiedToken } from '../ports.ts';
import { ciProviderPrincipal, type CiProviderRule } from './ci-provider.ts';
import { type ChainguardRule, chainguardPrincipal } from './chainguard.ts';
import { emailPrincipal, type EmailRule } from './email.ts';
import { type KubernetesRule, kubernetesPrincipal } from './kubernetes.ts';
import type { Principal } from './principal.ts';
import { type SpiffeRule, spiffePrincipal } from './spiffe.ts';
import { uriPrincipal, type UriRule } from './uri.ts';
import { usernamePrincipal, type UsernameRule } from './username.ts';

/** How tokens of one issuer become identities. There is no other type: an unknown one does not get through config. */
export type IssuerRule =
  | EmailRule
  | UriRule
  | CiProviderRule
  | UsernameRule
  | SpiffeRule
  | KubernetesRule
  | ChainguardRule;

/** The identity a verified token stands for. Throws the identity-token error. */
export function principalOf(token: VerifiedToken): Principal {
  const { rule } = token;
  switch (rule.type) {
    case 'email':
      return emailPrincipal(rule, token);
    case 'uri':
      return uriPrincipal(rule, token);
    case 'ci-provider':
      return ciProviderPrincipal(rule, token);
    case 'username':
      return usernamePrincipal(rule, token);
    case 'spiffe':
      return spiffePrincipal(rule, token);
    case 'kubernetes':
      return kubernetesPrincipal(rule, token);
    case 'chainguard-identity':
      return chainguardPrincipal(rule, token);
    default:
      throw refuseUnknown(rule);
  }
}

/** Default deny: a rule that got here without a case of its own certifies nobody. */
function refuseUnknown(rule: never): CaError {
  const type: unknown = (rule as { type?: unknown }).type;
  return new CaError('identity_token', { detail: `no code for issuer type ${String(type)}` });
}
