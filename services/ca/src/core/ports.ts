import type { JsonObject } from '@sigstead/formats';
import type { IssuerRule } from './identity/issuer-rule.ts';

/**
 * A token whose signature, issuer, audience and times were verified. Only a TokenVerifier makes one; everything a
 * certificate says about its holder comes from here.
 */
export interface VerifiedToken {
  readonly issuer: string;
  /** `sub`; empty when absent. */
  readonly subject: string;
  /** The body as it was signed, with repeated names and number texts kept. */
  readonly claims: JsonObject;
  /** The rule of the issuer that signed it. */
  readonly rule: IssuerRule;
  /** SHA-256 of the token, for the record of what was issued on its strength. */
  readonly tokenSha256: Uint8Array;
}

/**
 * Verifies bearer tokens. Rejects with the identity-token error for whatever is wrong with one, also when its issuer
 * cannot be reached; safe to call concurrently; may fetch the issuer's keys, bounded in rate, size and time.
 */
export interface TokenVerifier {
  verify(token: string): Promise<VerifiedToken>;
}

/** One to-be-signed certificate. */
export interface IssuanceRecord {
  readonly kind: 'precertificate' | 'certificate';
  /** INTEGER content octets. */
  readonly serial: Uint8Array;
  readonly tbs: Uint8Array;
  /** SHA-256 of the issuing CA's SubjectPublicKeyInfo. */
  readonly issuerKeySha256: Uint8Array;
  readonly tokenSha256: Uint8Array;
}

/**
 * Insert-only record of everything that is about to be signed. When `append` resolves, the record is durable; when it
 * rejects, it may or may not be, and nothing may be signed. No retries; safe to call concurrently (rows of callers
 * that wait at the same time go into one statement).
 */
export interface IssuanceStore {
  append(record: IssuanceRecord): Promise<void>;
}

/** RFC 6962 §3.2: what a log promises. */
export interface Sct {
  /** SHA-256 of the log's SubjectPublicKeyInfo. */
  readonly logId: Uint8Array;
  readonly timestampMs: number;
  readonly extensions: Uint8Array;
  /** DigitallySigned, hash and signature algorithm octets included. */
  readonly signature: Uint8Array;
}

/** The log answered and will not take the precertificate: trying again does not help. */
export class CtRefusedError extends Error {}

/** Codes with which a log in the same process says the same. */
const REFUSALS: readonly unknown[] = ['entry_refused', 'entry_too_large'];

export function isCtRefusal(error: unknown): boolean {
  if (error instanceof CtRefusedError) return true;
  return error instanceof Error && 'code' in error && REFUSALS.includes(error.code);
}

/**
 * A Certificate Transparency log. Rejects with CtRefusedError (or an error of code `entry_refused` or
 * `entry_too_large`) when the log refused, with any other error when it could not be asked; must settle soon after `signal` aborts. No retries here. The SCT is not verified by the port.
 */
export interface CtClient {
  addPreChain(chain: Uint8Array[], signal?: AbortSignal): Promise<Sct>;
}

/** Milliseconds since 1970, a whole number. */
export interface Clock {
  nowMs(): number;
}

/** Cryptographically strong random bytes. */
export type RandomBytes = (count: number) => Uint8Array;
