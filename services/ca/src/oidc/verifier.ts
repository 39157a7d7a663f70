import { identityTokenError, messageOf } from '../core/errors.ts';
import { textClaim } from '../core/identity/claims.ts';
import type { Clock, TokenVerifier, VerifiedToken } from '../core/ports.ts';
import type { IssuerDirectory } from './directory.ts';
import type { IssuerKeys, KeySnapshot } from './issuer-keys.ts';
import { isJwsAlgorithm, verifyJws } from './jws.ts';
import { checkStandardClaims } from './standard-claims.ts';
import { readToken, type TokenForm } from './token-form.ts';

/** The one place where tokens become VerifiedToken. SPEC: OpenID Connect Core 1.0 §3.1.3.7 */
export class OidcTokenVerifier implements TokenVerifier {
  readonly #directory: IssuerDirectory;
  readonly #clock: Clock;

  constructor(options: { directory: IssuerDirectory; clock: Clock }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
  }

  async verify(text: string): Promise<VerifiedToken> {
    const token = readToken(text);
    const issuer = textClaim(token.claims, 'iss');
    const known = issuer === '' ? undefined : this.#directory.find(issuer);
    if (known === undefined) throw identityTokenError(`unknown issuer ${issuer.slice(0, 200)}`);
    const { settings, keys } = known;
    // Claims are judged before keys are fetched, so that a stale token of a known issuer costs no outgoing request.
    checkStandardClaims(token.claims, { audience: settings.audience, nowMs: this.#clock.nowMs() });
    const subject = textClaim(token.claims, 'sub');
    await verifySignature(token, keys);
    return { issuer, subject, claims: token.claims, rule: settings.rule, tokenSha256: token.sha256 };
  }
}

/** A token that no known key verifies is tried once more with newer keys, if those may be fetched. */
async function verifySignature(token: TokenForm, keys: IssuerKeys): Promise<void> {
  const snapshot = await orIdentityError(keys.current());
  if (snapshot === undefined) throw identityTokenError('issuer has no keys');
  if (isSignedBy(token, snapshot)) return;
  const newer = await orIdentityError(keys.newerThan(snapshot));
  if (newer === undefined || !isSignedBy(token, newer))
    throw identityTokenError('no key of the issuer verifies the token');
}

async function orIdentityError<T>(pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    throw identityTokenError(`keys of the issuer cannot be had: ${messageOf(error)}`, error);
  }
}

/** The algorithm must be one the issuer lists; a key id picks keys, and without one every key is tried. */
function isSignedBy(token: TokenForm, snapshot: KeySnapshot): boolean {
  const { algorithm, keyId } = token;
  if (!isJwsAlgorithm(algorithm) || !snapshot.document.algorithms.has(algorithm)) return false;
  const candidates = snapshot.keys.filter((key) => keyId === undefined || key.keyId === keyId);
  return candidates.some((key) => verifyJws(algorithm, key, { input: token.signingInput, signature: token.signature }));
}
