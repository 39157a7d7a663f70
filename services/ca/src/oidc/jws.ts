import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';

/** The algorithms an issuer may list; the token's header only picks among those that its issuer listed. */
export type JwsAlgorithm = keyof typeof ALGORITHMS;

type Family = 'rsa' | 'rsa-pss' | 'ec' | 'ed25519';

/** SPEC: RFC 7518 §3.1, RFC 8037 §3.1. Symmetric ones and `none` are not in it, so nothing can choose them. */
const ALGORITHMS = {
  RS256: { family: 'rsa', hash: 'sha256' },
  RS384: { family: 'rsa', hash: 'sha384' },
  RS512: { family: 'rsa', hash: 'sha512' },
  PS256: { family: 'rsa-pss', hash: 'sha256' },
  PS384: { family: 'rsa-pss', hash: 'sha384' },
  PS512: { family: 'rsa-pss', hash: 'sha512' },
  ES256: { family: 'ec', hash: 'sha256', curve: 'prime256v1', signatureBytes: 64 },
  ES384: { family: 'ec', hash: 'sha384', curve: 'secp384r1', signatureBytes: 96 },
  ES512: { family: 'ec', hash: 'sha512', curve: 'secp521r1', signatureBytes: 132 },
  EdDSA: { family: 'ed25519', hash: null },
} as const satisfies Record<string, { family: Family; hash: string | null; curve?: string; signatureBytes?: number }>;

/** One usable key of a key set, imported once. */
export interface IssuerKey {
  readonly keyId: string | undefined;
  /** `alg` of the key, when it binds itself to one. */
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
/** Under e = 1 every padded message is its own signature; a verification takes as long as e has bits. */
const MIN_RSA_EXPONENT = 3n;
const MAX_RSA_EXPONENT = 2n ** 31n - 1n;
/** Longest member of a key that can be used: a modulus of 8192 bits, with room. */
const MAX_MEMBER_CHARS = 2048;

/** Imports one JWK of a signing key; undefined for keys that are of no use here. SPEC: RFC 7517 §4, RFC 7518 §6 */
export function importJwk(jwk: Readonly<Record<string, unknown>>): IssuerKey | undefined {
  const { kty, use, kid, alg } = jwk;
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') return undefined;
  if (use !== undefined && use !== 'sig') return undefined;
  // A key that is both RSA and EC could be read as either.
  if (kty === 'RSA' ? jwk['x'] !== undefined || jwk['crv'] !== undefined : jwk['n'] !== undefined) return undefined;
  const members = publicMembers(jwk);
  if (Object.values(members).some((text) => text.length > MAX_MEMBER_CHARS)) return undefined;
  const key = importKey(members);
  if (key === undefined || !isUsable(key)) return undefined;
  const keyId = typeof kid === 'string' && kid !== '' ? kid : undefined;
  return { keyId, algorithm: typeof alg === 'string' && alg !== '' ? alg : undefined, key };
}

/** Only what a public key consists of is handed on. */
function publicMembers(jwk: Readonly<Record<string, unknown>>): Record<string, string> {
  const names = ['kty', 'n', 'e', 'crv', 'x', 'y'];
  const entries = Object.entries(jwk).filter(([name, value]) => names.includes(name) && typeof value === 'string');
  return Object.fromEntries(entries) as Record<string, string>;
}

function importKey(jwk: Record<string, string>): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    // Malformed or unknown keys of a set are as if absent: the issuer may publish kinds that come after us.
    return undefined;
  }
}

function isUsable(key: KeyObject): boolean {
  if (key.asymmetricKeyType === 'rsa') {
    const { modulusLength: bits = 0, publicExponent: e = 0n } = key.asymmetricKeyDetails ?? {};
    const isSound = e >= MIN_RSA_EXPONENT && e <= MAX_RSA_EXPONENT && e % 2n === 1n;
    return isSound && bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS;
  }
  return key.asymmetricKeyType === 'ec' || key.asymmetricKeyType === 'ed25519';
}

export function isJwsAlgorithm(name: string): name is JwsAlgorithm {
  return Object.hasOwn(ALGORITHMS, name);
}

/** Whether `signature` over `input` is the key's under `algorithm`; key type, curve and signature length must fit it. */
export function verifyJws(
  algorithm: JwsAlgorithm,
  issuerKey: IssuerKey,
  signed: { input: Uint8Array; signature: Uint8Array },
): boolean {
  const { key } = issuerKey;
  const rule: { family: Family; hash: string | null; curve?: string; signatureBytes?: number } = ALGORITHMS[algorithm];
  if (issuerKey.algorithm !== undefined && issuerKey.algorithm !== algorithm) return false;
  if (key.asymmetricKeyType !== (rule.family === 'rsa-pss' ? 'rsa' : rule.family)) return false;
  switch (rule.family) {
    case 'rsa':
    case 'ed25519':
      return verify(rule.hash, signed.input, key, signed.signature);
    case 'rsa-pss': {
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
      return verify(rule.hash, signed.input, { key, padding, saltLength }, signed.signature);
    }
    case 'ec': {
      if (key.asymmetricKeyDetails?.namedCurve !== rule.curve) return false;
      if (signed.signature.length !== rule.signatureBytes) return false;
      return verify(rule.hash, signed.input, { key, dsaEncoding: 'ieee-p1363' }, signed.signature);
    }
  }
}
