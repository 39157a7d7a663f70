import { type HashName, hashInfo } from './hashes.ts';
import { Refusal } from './refusal.ts';

/** One extension of a request, as it will stand in the token. */
export interface RequestExtension {
  /** OBJECT IDENTIFIER content octets. */
  oid: Uint8Array;
  critical: boolean;
  value: Uint8Array;
}

/** What both request formats are parsed into; not yet judged. */
export interface ParsedRequest {
  hash: HashName | 'weak';
  digest: Uint8Array;
  /** Dotted; one that no policy can equal is UNMATCHABLE_POLICY. */
  policy: string | undefined;
  /** INTEGER content octets, minimal, sign included. */
  nonce: Uint8Array | undefined;
  certReq: boolean;
  extensions: readonly RequestExtension[];
}

/** Stands for an identifier over the bound: well formed, but longer than any policy may be. */
export const UNMATCHABLE_POLICY = 'over the bound';

/** Components of an identifier that a client may choose. */
export const MAX_OID_COMPONENTS = 128;

/** A request that a token may be made for. Only `judge` makes one. */
export interface AcceptedRequest extends ParsedRequest {
  hash: HashName;
  policy: string;
  readonly accepted: true;
}

export interface RequestPolicy {
  defaultPolicy: string;
  acceptedPolicies: readonly string[];
  allowCustomExtensions: boolean;
}

/**
 * The rules beyond form, in upstream's order: hash, digest length, policy, extensions. Throws Refusal.
 * SPEC: RFC 3161 §2.4.1
 */
export function judge(request: ParsedRequest, rules: RequestPolicy): AcceptedRequest {
  const { hash } = request;
  if (hash === 'weak') throw new Refusal('weak_hash', 'imprint made with SHA-1');
  const { size } = hashInfo(hash);
  if (request.digest.length !== size)
    throw new Refusal('digest_length', `${hash} digest of ${request.digest.length} octets`);
  if (request.policy !== undefined && !rules.acceptedPolicies.includes(request.policy))
    throw new Refusal('policy', 'requested policy is not accepted here');
  if (request.extensions.length > 0 && !rules.allowCustomExtensions)
    throw new Refusal('extension', `${request.extensions.length} extensions requested`);
  return { ...request, hash, policy: request.policy ?? rules.defaultPolicy, accepted: true };
}
