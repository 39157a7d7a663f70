import type { JsonObject } from '@sigstead/formats';
import { CaError, identityTokenError } from '../errors.ts';
import { GoUrlError, joinGoUrlPath } from '../go/go-url.ts';
import type { VerifiedToken } from '../ports.ts';
import { fieldClaim, textClaim } from './claims.ts';
import { emailVerified } from './email.ts';
import { asciiName, extensionList, type Principal } from './principal.ts';

export interface ChainguardRule {
  readonly type: 'chainguard-identity';
}

/** Identity is the subject below the issuer; proof over the address if there is one, else over `sub`. */
export function chainguardPrincipal(_rule: ChainguardRule, token: VerifiedToken): Principal {
  const { subject, issuer, claims } = token;
  if (subject === '') throw identityTokenError('token without subject');
  checkActors(claims);
  const email = textClaim(claims, 'email');
  if (email !== '' && !emailVerified(claims)) throw identityTokenError('email is not verified');
  return {
    challenge: email === '' ? subject : email,
    identity: () => ({
      name: asciiName('uri', below(issuer, subject)),
      extensions: extensionList({ issuer, subject }),
    }),
  };
}

/** They do not get into the certificate, but have to be of their types. */
function checkActors(claims: JsonObject): void {
  const act = fieldClaim(claims, 'act');
  const isTexts = act?.kind === 'object' && act.members.every(({ value }) => value.kind === 'string');
  if (act !== undefined && !isTexts) throw identityTokenError('claim act is no object of texts');
  const internal = fieldClaim(claims, 'internal');
  if (internal === undefined) return;
  if (internal.kind !== 'object') throw identityTokenError('claim internal is not an object');
  textClaim(internal, 'service-principal');
}

/** Subjects that lead out of their issuer's path, or do not parse, would be somebody else: they are refused. */
function below(issuer: string, subject: string): string {
  try {
    return joinGoUrlPath(issuer, subject);
  } catch (error) {
    if (error instanceof GoUrlError) throw new CaError('identity_unusable', { message: error.message });
    throw error;
  }
}
