import { decodeBase64Strict, FormatError } from '@sigstead/formats';
import type { FastifyRequest } from 'fastify';
import { LogError } from '../core/errors.ts';

/** SPEC: certificate-transparency-go, ctfe: the texts of what is wrong with the parameters of RFC 6962 §4.4 to §4.8. */

export function consistencyRange(request: FastifyRequest): { first: number; second: number } {
  const context = 'failed to parse consistency range';
  const read = (name: 'first' | 'second'): number => {
    const text = parameter(request, name, context);
    if (text === '') throw bad(`${context}: parameter '${name}' is required`);
    return whole(text, () => `${context}: parameter '${name}' is malformed`);
  };
  const [first, second] = [read('first'), read('second')];
  if (second < first) throw bad(`${context}: invalid first, second params: ${first} ${second}`);
  return { first, second };
}

export function proofQuestion(request: FastifyRequest): { leafHash: Uint8Array; size: number } {
  const text = parameter(request, 'hash', 'get-proof-by-hash');
  if (text === '') throw bad('get-proof-by-hash: missing / empty hash param for get-proof-by-hash');
  const leafHash = hashOf(text);
  const sizeText = parameter(request, 'tree_size', 'get-proof-by-hash');
  const invalid = (): string => `get-proof-by-hash: missing or invalid tree_size: ${shown(sizeText)}`;
  const size = whole(sizeText, invalid);
  if (size < 1) throw bad(invalid());
  return { leafHash, size };
}

export function entriesRange(request: FastifyRequest): { start: number; end: number } {
  const context = 'bad range on get-entries request';
  const [start, end] = (['start', 'end'] as const).map((name) => integer(request, name, context)) as [number, number];
  if (start > end) throw bad(`${context}: start (${start}) and end (${end}) is not a valid range`);
  return { start, end };
}

export function entryQuestion(request: FastifyRequest): { index: number; size: number } {
  const context = 'failed to parse get-entry-and-proof params';
  const index = integer(request, 'leaf_index', context);
  const size = integer(request, 'tree_size', context);
  if (size === 0) throw bad(`${context}: tree_size must be > 0, got: 0`);
  if (index >= size) throw bad(`${context}: leaf_index ${index} out of range for tree of size ${size}`);
  return { index, size };
}

function integer(request: FastifyRequest, name: string, context: string): number {
  const text = parameter(request, name, context);
  const reason = /^[+-]?\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  return whole(text, () => `${context}: strconv.ParseInt: parsing ${JSON.stringify(shown(text))}: ${reason}`);
}

/** Numbers that a tree can have. Stricter than upstream, whose parser takes a plus sign too. */
function whole(text: string, complaint: () => string): number {
  const n = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(n)) return n;
  throw bad(complaint());
}

function hashOf(text: string): Uint8Array {
  let leafHash: Uint8Array;
  try {
    leafHash = decodeBase64Strict(text);
  } catch (error) {
    if (error instanceof FormatError) throw bad('get-proof-by-hash: invalid base64 hash');
    throw error;
  }
  if (leafHash.length === 32) return leafHash;
  throw bad(`get-proof-by-hash: a leaf hash has 32 bytes, not ${leafHash.length}`);
}

/** Empty when it was not sent. One that was sent twice is refused, not chosen from. */
function parameter(request: FastifyRequest, name: string, context: string): string {
  const [value = '', ...more] = new URLSearchParams(request.sentQuery).getAll(name);
  if (more.length > 0) throw bad(`${context}: parameter '${name}' is there more than once`);
  return value;
}

function shown(text: string): string {
  return text.slice(0, 100);
}

function bad(text: string): LogError {
  return new LogError('invalid_request', text);
}
