import { OidcError } from './errors.ts';

/** Parameters of a request: each name at most once. */
export type Params = ReadonlyMap<string, string>;

const MAX_PARAMS = 40;

/**
 * Reads a query string or a form body. Repeated names are refused, empty values count as absent.
 * SPEC: RFC 6749 §3.1 and §3.2 (both rules).
 */
export function readParams(text: string): Params {
  const params = new Map<string, string>();
  let seen = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    seen += 1;
    if (seen > MAX_PARAMS) throw new OidcError('unusable_request', 'too many parameters');
    if (value === '') continue;
    if (params.has(name)) throw new OidcError('unusable_request', `parameter ${shortName(name)} is given twice`);
    params.set(name, value);
  }
  return params;
}

function shortName(name: string): string {
  return /^[a-z_]{1,40}$/.test(name) ? name : 'of unknown name';
}
