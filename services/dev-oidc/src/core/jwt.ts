import type { Signer } from '@sigstead/keys';

/** Makes compact JWS tokens with one RSA key. */
export interface TokenSigner {
  /** Key id in header and key set. */
  readonly kid: string;
  readonly publicJwk: Readonly<Record<string, unknown>>;
  sign(claims: Record<string, unknown>): Promise<string>;
}

/**
 * @param signer an RSA key: cosign takes an inline token for one only when it is RS256.
 * @param kid    its RFC 7638 thumbprint.
 * SPEC: RFC 7515 §3.1 (compact serialization), RFC 7518 §3.3 (RS256).
 */
export function createTokenSigner(signer: Signer, kid: string): TokenSigner {
  const header = encode({ alg: 'RS256', typ: 'JWT', kid });
  const { kty, n, e } = signer.publicKey.export({ format: 'jwk' });
  return {
    kid,
    publicJwk: { kty, n, e, alg: 'RS256', use: 'sig', kid },
    async sign(claims) {
      const input = `${header}.${encode(claims)}`;
      const signature = await signer.sign(Buffer.from(input, 'ascii'));
      return `${input}.${Buffer.from(signature).toString('base64url')}`;
    },
  };
}

function encode(value: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}
