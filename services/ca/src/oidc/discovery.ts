import { hasTrailingText, parseJson, toPlain } from '@sigstead/formats';
import { importJwk, isJwsAlgorithm, type IssuerKey, type JwsAlgorithm } from './jws.ts';
import type { FetchJson } from './ports.ts';

/** What an issuer publishes about itself, as far as it is used. */
export interface IssuerDocument {
  readonly algorithms: ReadonlySet<JwsAlgorithm>;
  readonly jwksUri: string;
}

/** Rules for where an issuer's keys may be fetched from. */
export interface KeyHostRule {
  /** A pattern matched: anybody may be behind it, so keys come from the issuer's own host only. */
  readonly isMeta: boolean;
  /** Further `host[:port]` the operator named. */
  readonly jwksHosts: readonly string[];
}

const MAX_DEPTH = 16;
const MAX_VALUES = 20_000;
const MAX_KEYS = 100;

/**
 * Fetches and checks the discovery document: its `issuer` must equal the issuer exactly.
 * SPEC: OpenID Connect Discovery 1.0 §4. Rejects with any error.
 */
export async function discover(fetchJson: FetchJson, issuer: string, rule: KeyHostRule): Promise<IssuerDocument> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const document = parseObject(await fetchJson({ url, issuer }));
  if (document['issuer'] !== issuer) throw new Error('discovery document names another issuer');
  const jwksUri = document['jwks_uri'];
  if (typeof jwksUri !== 'string') throw new Error('discovery document without jwks_uri');
  checkKeyHost(jwksUri, issuer, rule);
  return { jwksUri, algorithms: listedAlgorithms(document['id_token_signing_alg_values_supported']) };
}

/** Nothing usable in the list means RS256 alone. */
function listedAlgorithms(value: unknown): ReadonlySet<JwsAlgorithm> {
  const names: unknown[] = Array.isArray(value) ? value : [];
  const known = names.filter((name): name is JwsAlgorithm => typeof name === 'string' && isJwsAlgorithm(name));
  return new Set<JwsAlgorithm>(known.length > 0 ? known : ['RS256']);
}

/** A named issuer may keep its keys on another host over TLS; one behind a pattern may not lead us anywhere. */
function checkKeyHost(jwksUri: string, issuer: string, rule: KeyHostRule): void {
  const target = new URL(jwksUri);
  const own = new URL(issuer);
  if (target.username !== '' || target.password !== '') throw new Error('jwks_uri with credentials');
  if (target.protocol === own.protocol && target.host === own.host) return;
  const named = rule.jwksHosts.includes(target.host);
  if (target.protocol !== 'https:' || (rule.isMeta && !named))
    throw new Error('jwks_uri is on a host that is not allowed');
}

/** SPEC: RFC 7517 §5. Keys that cannot be used are left out. Rejects with any error. */
export async function fetchKeys(fetchJson: FetchJson, issuer: string, jwksUri: string): Promise<IssuerKey[]> {
  const set = parseObject(await fetchJson({ url: jwksUri, issuer }));
  const keys: unknown = set['keys'];
  if (!Array.isArray(keys)) throw new Error('key set without keys');
  if (keys.length > MAX_KEYS) throw new Error(`key set of more than ${MAX_KEYS} keys`);
  return keys.flatMap((jwk: unknown) => (isRecord(jwk) ? (importJwk(jwk) ?? []) : []));
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const parsed = parseJson(bytes, { maxDepth: MAX_DEPTH, maxNodes: MAX_VALUES });
  const value = toPlain(parsed.value);
  if (hasTrailingText(parsed) || !isRecord(value)) throw new Error('not one JSON object');
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
