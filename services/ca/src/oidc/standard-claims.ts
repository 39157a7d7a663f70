import type { JsonObject, JsonValue } from '@sigstead/formats';
import { memberIgnoringCase } from '@sigstead/formats';
import { identityTokenError } from '../core/errors.ts';
import { fieldClaim, textClaim } from '../core/identity/claims.ts';

/** Clocks of issuer and authority may differ by this much for `nbf`; none for `exp`. */
const NOT_BEFORE_LEEWAY_SEC = 5 * 60;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** Texts that are not used, but have to be texts. */
const TEXT_CLAIMS = ['nonce', 'at_hash'];

/** Claims that decide whether a token counts, or whom it names. */
const DECIDING_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'email', 'email_verified'];

/**
 * Names are matched without regard to case, as upstream does; but where the claim itself is there, another spelling of
 * it is another claim, which the issuer may have let the user choose, and does not take its place.
 * SPEC: RFC 7519 §4, §10.1.1 (claim names are case-sensitive)
 */
function refuseOverridden(claims: JsonObject): void {
  for (const name of DECIDING_CLAIMS) {
    const own = claims.members.filter((each) => each.name === name);
    const used = fieldClaim(claims, name);
    if (own.length > 0 && used !== undefined && !own.some(({ value }) => value === used)) {
      throw identityTokenError(`another spelling of claim ${name} takes its place`);
    }
  }
}

/**
 * Audience and times, with the types upstream's decoder demands of the registered claims.
 * SPEC: RFC 7519 §4.1; OpenID Connect Core 1.0 §3.1.3.7. Throws the identity-token error.
 */
export function checkStandardClaims(claims: JsonObject, expect: { audience: string; nowMs: number }): void {
  refuseOverridden(claims);
  for (const name of TEXT_CLAIMS) textClaim(claims, name);
  if (expect.audience === '' || !audiences(fieldClaim(claims, 'aud')).includes(expect.audience)) {
    throw identityTokenError('token is for another audience');
  }
  const nowSec = expect.nowMs / 1000;
  const expiry = numericDate(memberIgnoringCase(claims, 'exp'), 'exp');
  if (expiry === undefined || nowSec > expiry) throw identityTokenError('token has expired');
  numericDate(memberIgnoringCase(claims, 'iat'), 'iat');
  const notBefore = numericDate(fieldClaim(claims, 'nbf'), 'nbf');
  if (notBefore !== undefined && nowSec + NOT_BEFORE_LEEWAY_SEC < notBefore)
    throw identityTokenError('token is not valid yet');
}

function audiences(value: JsonValue | undefined): string[] {
  if (value?.kind === 'string') return [value.value];
  if (value?.kind !== 'array') return [];
  return value.items.map((item) => {
    if (item.kind !== 'string') throw identityTokenError('aud holds no text');
    return item.value;
  });
}

/** Whole seconds; a number may stand in a string, a fraction is cut off. */
function numericDate(value: JsonValue | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  const text = value.kind === 'number' ? value.text : value.kind === 'string' ? value.value : '';
  const seconds = Math.trunc(Number(text));
  if (!NUMBER.test(text) || Math.abs(seconds) > 2 ** 62) throw identityTokenError(`${name} is not a time`);
  return seconds;
}
