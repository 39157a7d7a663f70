import { createHash } from 'node:crypto';

/** The instance answered something that a client would refuse. */
export class SelfTestError extends Error {
  constructor(part: string, message: string, cause?: unknown) {
    super(`self-test of ${part}: ${message}`, cause === undefined ? undefined : { cause });
    this.name = 'SelfTestError';
  }
}

/** Throws unless the condition holds. */
export function demand(condition: boolean, part: string, message: string): asserts condition {
  if (!condition) throw new SelfTestError(part, message);
}

export function sha256(bytes: Uint8Array | string): Buffer {
  return createHash('sha256').update(bytes).digest();
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** JSON of an answer as nested records; members are checked where they are read. */
export type Json = { readonly [name: string]: unknown };

export function parseJson(part: string, bytes: Uint8Array): Json {
  try {
    return asJson(part, JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    if (error instanceof SelfTestError) throw error;
    throw new SelfTestError(part, 'the answer is not JSON', error);
  }
}

export function asJson(part: string, value: unknown): Json {
  demand(typeof value === 'object' && value !== null && !Array.isArray(value), part, 'an object is missing');
  return value as Json;
}

export function asText(part: string, value: unknown): string {
  demand(typeof value === 'string', part, 'a text is missing');
  return value;
}

export function asList(part: string, value: unknown): readonly unknown[] {
  demand(Array.isArray(value), part, 'a list is missing');
  return value as unknown[];
}

/** Base64 of a proto `bytes` member. */
export function asBytes(part: string, value: unknown): Buffer {
  return Buffer.from(asText(part, value), 'base64');
}

/** int64 in proto JSON: a text; 0 may be left out. */
export function asSize(part: string, value: unknown): number {
  const size = value === undefined ? 0 : Number(asText(part, value));
  demand(Number.isSafeInteger(size) && size >= 0, part, 'a number is wrong');
  return size;
}
