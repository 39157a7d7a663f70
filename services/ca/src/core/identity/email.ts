import type { JsonObject, JsonValue } from '@sigstead/formats';
import { identityTokenError } from '../errors.ts';
import { claimToText } from '../go/go-value.ts';
import type { VerifiedToken } from '../ports.ts';
import { claimMap, fieldClaim, textClaim } from './claims.ts';
import { isEmail } from './is-email.ts';
import { claimAt, type JsonPath } from './json-path.ts';
import { asciiName, extensionList, type Principal } from './principal.ts';

export interface EmailRule {
  readonly type: 'email';
  /** Where the issuer's name stands, when it is not `iss` (a federating issuer). */
  readonly issuerClaim: JsonPath | undefined;
  readonly skipEmailVerification: boolean;
}

/** SPEC: Fulcio oidc.md, "Email". Throws the identity-token error. */
export function emailPrincipal(rule: EmailRule, token: VerifiedToken): Principal {
  const email = textClaim(token.claims, 'email');
  const verified = emailVerified(token.claims);
  if (!verified && !rule.skipEmailVerification) throw identityTokenError('email is not verified');
  if (!isEmail(email)) throw identityTokenError('email claim is not an address');
  const issuer = rule.issuerClaim === undefined ? token.issuer : federatedIssuer(token.claims, rule.issuerClaim);
  return {
    challenge: email,
    identity: () => {
      const extensions = extensionList({ issuer, subject: token.subject });
      return { name: asciiName('email', email), extensions };
    },
  };
}

function federatedIssuer(claims: JsonObject, path: JsonPath): string {
  const value = claimAt(claimMap(claims), path);
  if (value === undefined) throw identityTokenError('the configured issuer claim is absent');
  return claimToText(value);
}

/** A boolean or one of four texts; absent counts as false; anything else, null too, is refused. */
export function emailVerified(claims: JsonObject): boolean {
  const value: JsonValue | undefined = fieldClaim(claims, 'email_verified') ?? explicitNull(claims);
  if (value === undefined) return false;
  if (value.kind === 'bool') return value.value;
  if (value.kind === 'string' && /^[Tt]rue$/.test(value.value)) return true;
  if (value.kind === 'string' && /^[Ff]alse$/.test(value.value)) return false;
  throw identityTokenError('email_verified is neither a boolean nor the text of one');
}

function explicitNull(claims: JsonObject): JsonValue | undefined {
  return claims.members.find(({ name, value }) => value.kind === 'null' && name.toLowerCase() === 'email_verified')
    ?.value;
}
