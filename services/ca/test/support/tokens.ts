import { constants, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { keyPem, type TokenSpec } from './recorded.ts';

/* Makes tokens, good and broken ones, as the recorded lines describe them. */

export const NOW_MS = Date.parse('2026-11-22T12:00:00Z');

/** `"@now+600"` → integer seconds; a final `s` makes a text of it, a final `f` adds half a second. */
function resolveTimes(json: string, nowMs: number): string {
  return json.replaceAll(/"@now([+-]\d+)?([sf])?"/g, (_all, offset?: string, form?: string) => {
    const seconds = Math.floor(nowMs / 1000) + Number(offset ?? 0);
    if (form === 's') return `"${seconds}"`;
    return form === 'f' ? `${seconds}.5` : String(seconds);
  });
}

const encode = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64url');

const HASHES: Readonly<Record<string, string>> = { '256': 'sha256', '384': 'sha384', '512': 'sha512' };

export function signJws(algorithm: string, keyName: string, input: string): Buffer {
  const key = createPrivateKey(keyPem(keyName));
  const hash = HASHES[algorithm.slice(2)] ?? 'sha256';
  const message = Buffer.from(input);
  if (algorithm === 'none') return Buffer.alloc(0);
  if (algorithm.startsWith('HS')) {
    const secret = createPublicKey(key).export({ type: 'spki', format: 'pem' });
    return createHmac(hash, secret).update(message).digest();
  }
  if (algorithm.startsWith('PS')) {
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
    return sign(hash, message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
  }
  if (algorithm.startsWith('ES')) return sign(hash, message, { key, dsaEncoding: 'ieee-p1363' });
  return sign(algorithm === 'EdDSA' ? null : hash, message, key);
}

export function makeToken(spec: TokenSpec, nowMs = NOW_MS): string {
  if (spec.literal !== undefined) return spec.literal;
  const header = spec.headerRaw ?? JSON.stringify(spec.header);
  const claims = resolveTimes(spec.claimsRaw ?? JSON.stringify(spec.claims), nowMs);
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = signJws(spec.signAlg ?? 'RS256', spec.signedBy ?? 'oidc-rsa', input);
  return mutate(spec, { header, claims, input, signature });
}

interface Parts {
  readonly header: string;
  readonly claims: string;
  readonly input: string;
  readonly signature: Buffer;
}

function mutate(spec: TokenSpec, { header, claims, input, signature }: Parts): string {
  const token = `${input}.${encode(signature)}`;
  switch (spec.mutate) {
    case undefined:
      return token;
    case 'flip-signature-bit': {
      const flipped = Buffer.from(signature);
      flipped[0] = (flipped[0] ?? 0) ^ 1;
      return `${input}.${encode(flipped)}`;
    }
    case 'truncate-signature':
      return `${input}.${encode(signature.subarray(0, -1))}`;
    case 'empty-signature':
      return `${input}.`;
    case 'ecdsa-der-signature': {
      const key = createPrivateKey(keyPem(spec.signedBy ?? ''));
      return `${input}.${encode(sign('sha256', Buffer.from(input), key))}`;
    }
    case 'change-payload-after-signing':
      return `${encode(header)}.${encode(claims.replace(/\}$/, ',"x":1}'))}.${encode(signature)}`;
    case 'drop-signature-part':
      return input;
    case 'trailing-dot':
      return `${token}.`;
    case 'pad-parts':
      return token
        .split('.')
        .map((part) => `${part}=`)
        .join('.');
    case 'trailing-newline':
      return `${token}\n`;
    case 'leading-space':
      return ` ${token}`;
    default:
      throw new Error(`unknown mutation ${spec.mutate}`);
  }
}

/** A token of the issuer's RSA key with the usual times; claims given win. */
export function issuerToken(issuer: string, claims: Readonly<Record<string, unknown>>, nowMs = NOW_MS): string {
  const usual = { iss: issuer, aud: 'sigstore', iat: '@now', nbf: '@now', exp: '@now+600' };
  return makeToken({ header: { alg: 'RS256', typ: 'JWT', kid: 'rsa-1' }, claims: { ...usual, ...claims } }, nowMs);
}
