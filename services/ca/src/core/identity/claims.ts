import { type JsonObject, type JsonValue, memberIgnoringCase } from '@sigstead/formats';
import { CaError, identityTokenError } from '../errors.ts';

/** A claim as mappings see it; a number keeps the text it was sent with. */
export type ClaimValue =
  | null
  | boolean
  | string
  | { readonly raw: string }
  | readonly ClaimValue[]
  | ReadonlyMap<string, ClaimValue>;

/** The whole token body by exact name; of repeated names the last counts. */
export type ClaimMap = ReadonlyMap<string, ClaimValue>;

/**
 * All claims of a token body. A number beyond a double is refused with the text upstream's decoder gives.
 * Depth is bounded by the parser that made `object`.
 */
export function claimMap(object: JsonObject): ClaimMap {
  return new Map(object.members.map(({ name, value }) => [name, toClaim(value)]));
}

function toClaim(value: JsonValue): ClaimValue {
  switch (value.kind) {
    case 'null':
      return null;
    case 'object':
      return claimMap(value);
    case 'array':
      return value.items.map(toClaim);
    case 'number':
      if (Number.isFinite(Number(value.text))) return { raw: value.text };
      throw new CaError('identity_unusable', {
        message: `json: cannot unmarshal number ${value.text} into Go value of type float64`,
      });
    default:
      return value.value;
  }
}

/**
 * A text claim read as a field: name without regard to case, last one wins, null and absent are empty text.
 * Throws the identity-token error for any other type.
 */
export function textClaim(claims: JsonObject, name: string): string {
  const value = fieldClaim(claims, name);
  if (value === undefined) return '';
  if (value.kind === 'string') return value.value;
  throw identityTokenError(`claim ${name} is not a string`);
}

/** The last non-null member that matches `name` without regard to case. */
export function fieldClaim(claims: JsonObject, name: string): JsonValue | undefined {
  const value = memberIgnoringCase(claims, name);
  if (value?.kind !== 'null') return value;
  const others = claims.members.filter((each) => each.value.kind !== 'null');
  return memberIgnoringCase({ ...claims, members: others }, name);
}
