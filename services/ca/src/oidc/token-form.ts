import { createHash } from 'node:crypto';
import { hasTrailingText, type JsonObject, member, parseJson } from '@sigstead/formats';
import { identityTokenError, messageOf } from '../core/errors.ts';
import { checkCertificates } from './x5c.ts';

/** A compact JWS taken apart; nothing of it is verified yet. */
export interface TokenForm {
  readonly algorithm: string;
  /** Undefined also for an empty one. */
  readonly keyId: string | undefined;
  readonly claims: JsonObject;
  /** `header.payload` as sent: what the signature covers. */
  readonly signingInput: Uint8Array;
  readonly signature: Uint8Array;
  readonly sha256: Uint8Array;
}

/** Far above any real token; longer ones are refused before anything is counted or decoded. */
const MAX_TOKEN_CHARS = 16 * 1024;
const MAX_DEPTH = 64;
const MAX_VALUES = 4096;

/**
 * Takes a token apart: length first, then exactly two dots, then strict base64url and JSON. White space around the
 * token is ignored. Five-part tokens and other serialisations do not get through. Throws the identity-token error.
 * SPEC: RFC 7515 §3.1, §7.1; RFC 8725 §3.
 */
export function readToken(text: string): TokenForm {
  if (text.length > MAX_TOKEN_CHARS) throw identityTokenError(`token of ${text.length} characters`);
  const token = text.trim();
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  if (first < 0 || second < 0 || token.includes('.', second + 1)) throw identityTokenError('token has not three parts');
  const header = readObject(decodePart(token.slice(0, first)), 'header');
  const claims = readObject(decodePart(token.slice(first + 1, second)), 'payload');
  const signature = decodePart(token.slice(second + 1));
  const { algorithm, keyId } = readHeader(header);
  return {
    algorithm,
    keyId,
    claims,
    signingInput: Buffer.from(token.slice(0, second), 'latin1'),
    signature,
    sha256: createHash('sha256').update(token).digest(),
  };
}

/** SPEC: RFC 7515 §2, base64url without padding. */
function decodePart(part: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(part) || part.length % 4 === 1) throw identityTokenError('token part is not base64url');
  return Buffer.from(part, 'base64url');
}

/** A repeated name is an error in the header; in the payload the last one counts. */
function readObject(bytes: Uint8Array, what: 'header' | 'payload'): JsonObject {
  try {
    const onDuplicate = what === 'header' ? 'error' : 'keep';
    const limits = { maxDepth: MAX_DEPTH, maxNodes: MAX_VALUES };
    const parsed = parseJson(bytes, { ...limits, onDuplicate, unicode: 'replace' });
    if (parsed.value.kind === 'object' && !hasTrailingText(parsed)) return parsed.value;
  } catch (error) {
    throw identityTokenError(`token ${what}: ${messageOf(error)}`, error);
  }
  throw identityTokenError(`token ${what} is not one JSON object`);
}

/** Embedded keys (`jwk`, `jku`, `x5u`) are never looked at. */
function readHeader(header: JsonObject): { algorithm: string; keyId: string | undefined } {
  const algorithm = member(header, 'alg');
  const keyId = member(header, 'kid');
  const unencoded = member(header, 'b64');
  if (algorithm?.kind !== 'string') throw identityTokenError('token header without alg');
  if (keyId !== undefined && keyId.kind !== 'string') throw identityTokenError('kid is not a string');
  if (member(header, 'crit') !== undefined) throw identityTokenError('token header has crit');
  if (unencoded !== undefined && !(unencoded.kind === 'bool' && unencoded.value))
    throw identityTokenError('b64 header');
  checkCertificates(member(header, 'x5c'));
  return { algorithm: algorithm.value, keyId: keyId?.value === '' ? undefined : keyId?.value };
}
