import type { ParsedKey } from '@sigstead/formats';
import { CaError } from './errors.ts';
import { principalOf } from './identity/issuer-rule.ts';
import { issueLeaf, type IssuedLeaf, type IssuerDependencies } from './issuance/issue.ts';
import { parseClientKey, requireStrongKey } from './keys/client-key.ts';
import { keyFromCsr } from './keys/csr.ts';
import { provesPossession } from './keys/proof.ts';
import type { TokenVerifier } from './ports.ts';

/** A request as it came off the wire; nothing in it is believed yet. */
export interface SigningRequest {
  /** Undefined when the client sent none. */
  readonly token: string | undefined;
  /** PEM or DER of a public key. */
  readonly publicKey: Uint8Array;
  readonly proofOfPossession: Uint8Array;
  /** PEM; when it is not empty it counts instead of the key. */
  readonly csr: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The whole of `signingCert`, in the order that decides which error a client sees: token and principal, key and proof,
 * mapping of the identity, log, certificate. SPEC: Fulcio certificate issuing overview
 */
export class Authority {
  readonly #verifier: TokenVerifier;
  readonly #issuer: IssuerDependencies;

  constructor(verifier: TokenVerifier, issuer: IssuerDependencies) {
    this.#verifier = verifier;
    this.#issuer = issuer;
  }

  async sign(request: SigningRequest): Promise<IssuedLeaf> {
    if (request.token === undefined || request.token === '') {
      throw new CaError('identity_token', { detail: 'request without token' });
    }
    const token = await this.#verifier.verify(request.token);
    const principal = principalOf(token);
    const key = request.csr.length > 0 ? keyFromCsr(request.csr) : provenKey(request, principal.challenge);
    const identity = principal.identity();
    const { tokenSha256 } = token;
    return issueLeaf(this.#issuer, { identity, key, tokenSha256, signal: request.signal });
  }
}

function provenKey(request: SigningRequest, challenge: string): ParsedKey {
  const key = parseClientKey(request.publicKey);
  requireStrongKey(key);
  if (!provesPossession(key, challenge, request.proofOfPossession)) {
    throw new CaError('proof_invalid', { detail: 'proof of possession does not verify' });
  }
  return key;
}
