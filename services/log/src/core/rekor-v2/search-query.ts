import { decodeBase64Proto, DerError, HASH_SIZES, type HashName, parseCertificate, parseSpki } from '@sigstead/formats';
import { LogError } from '../errors.ts';
import { nameBytes, type SearchTerm, type Sha256 } from './search-keys.ts';

/** A question, understood. */
export interface SearchQuery {
  /** All of them must hold. At least one. */
  terms: SearchTerm[];
  /** The first index looked at. */
  from: number;
  /** Most hits of the answer. */
  limit: number;
}

/** SPEC: docs/specs/search.md, Limits */
export const SEARCH_LIMITS = { terms: 8, textBytes: 4096, limit: 100, defaultLimit: 20 } as const;

const TERMS = ['hash', 'identity', 'issuer', 'publicKey', 'certificate'] as const;
type TermName = (typeof TERMS)[number];
const OTHERS = ['from', 'limit'] as const;

/** Reads a query string. Throws `invalid_request` with what is wrong. SPEC: docs/specs/search.md, Request */
export function parseSearchQuery(query: string, sha256: Sha256): SearchQuery {
  const terms: SearchTerm[] = [];
  const numbers = new Map<string, string>();
  for (const [name, value] of parametersOf(query)) {
    const term = TERMS.find((known) => known === name);
    if (term !== undefined) terms.push(termOf(term, value, sha256));
    else if (OTHERS.some((known) => known === name) && !numbers.has(name)) numbers.set(name, value);
    else if (numbers.has(name)) throw invalid(`${name} stands there twice`);
    else throw invalid(`there is no parameter ${shown(name)}; there are ${[...TERMS, ...OTHERS].join(', ')}`);
    if (terms.length > SEARCH_LIMITS.terms) throw invalid(`more than ${SEARCH_LIMITS.terms} of ${TERMS.join(', ')}`);
  }
  if (terms.length === 0) throw invalid(`say what to look for: one or more of ${TERMS.join(', ')}`);
  return {
    terms,
    from: numberOf('from', numbers.get('from') ?? '0', { min: 0, max: Number.MAX_SAFE_INTEGER }),
    limit: numberOf('limit', numbers.get('limit') ?? String(SEARCH_LIMITS.defaultLimit), {
      min: 1,
      max: SEARCH_LIMITS.limit,
    }),
  };
}

/** Names and values, percent-decoded; a plus sign is a space, as forms have it. SPEC: WHATWG URL, application/x-www-form-urlencoded */
function parametersOf(query: string): [string, string][] {
  try {
    decodeURIComponent(query);
  } catch {
    throw invalid('the query holds a percent escape that is none, or bytes that are no UTF-8');
  }
  return [...new URLSearchParams(query)];
}

function termOf(name: TermName, value: string, sha256: Sha256): SearchTerm {
  if (value === '') throw invalid(`${name} is empty`);
  switch (name) {
    case 'hash':
      return { kind: 'artifact', ...artifactHash(value) };
    case 'identity':
      return { kind: 'identity', value: nameBytes(bounded(name, value)) };
    case 'issuer':
      return { kind: 'issuer', value: Buffer.from(bounded(name, value)) };
    case 'publicKey':
      return { kind: 'public-key', sha256: hashOfDer(name, value, { sha256, parse: parseSpki }) };
    case 'certificate':
      return { kind: 'certificate', sha256: hashOfDer(name, value, { sha256, parse: parseCertificate }) };
  }
}

/** `sha256:<hex>`, or the hex alone: its length says which it is. */
function artifactHash(value: string): { hash: HashName; digest: Uint8Array } {
  const [, named, hex = ''] = /^(?:([a-z0-9]{1,16}):)?((?:[0-9a-fA-F]{2}){1,64})$/.exec(value) ?? [];
  const hash = (Object.keys(HASH_SIZES) as HashName[]).find((name) => HASH_SIZES[name] * 2 === hex.length);
  if (hash !== undefined && (named === undefined || named === hash)) return { hash, digest: Buffer.from(hex, 'hex') };
  throw invalid('hash is not sha256:, sha384: or sha512: with the hex digits of such a hash');
}

/** `sha256:<hex>` of the DER, or the DER itself in base64. */
function hashOfDer(
  name: TermName,
  value: string,
  { sha256, parse }: { sha256: Sha256; parse: (der: Uint8Array) => unknown },
): Uint8Array {
  const hex = /^(?:sha256:)?([0-9a-fA-F]{64})$/.exec(value)?.[1];
  if (hex !== undefined) return Buffer.from(hex, 'hex');
  // A plus sign that was not escaped has become a space.
  const der = decodeBase64Proto(value.replaceAll(' ', '+'));
  if (der !== undefined && parses(parse, der)) return sha256(der);
  const what = name === 'publicKey' ? 'a public key (SubjectPublicKeyInfo)' : 'a certificate';
  throw invalid(`${name} is neither sha256: with 64 hex digits nor base64 of the DER of ${what}`);
}

function parses(parse: (der: Uint8Array) => unknown, der: Uint8Array): boolean {
  try {
    parse(der);
    return true;
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

function bounded(name: TermName, value: string): string {
  if (Buffer.byteLength(value) <= SEARCH_LIMITS.textBytes) return value;
  throw invalid(`${name} is longer than ${SEARCH_LIMITS.textBytes} bytes`);
}

function numberOf(name: string, text: string, { min, max }: { min: number; max: number }): number {
  const n = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (n >= min && n <= max) return n;
  throw invalid(`${name} is no whole number from ${min} to ${max}`);
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}

function invalid(text: string): LogError {
  return new LogError('invalid_request', text);
}
