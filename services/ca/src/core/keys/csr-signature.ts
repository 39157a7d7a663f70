import { constants, verify } from 'node:crypto';
import { type AlgorithmIdentifier, Oid, type ParsedCsr, type ParsedKey } from '@sigstead/formats';
import type { KeyHash } from './proof.ts';

/** A signature algorithm of a request. `accepted`: certificates are issued on its strength. */
export interface CsrScheme {
  /** As Go names it; part of an error text. */
  readonly name: string;
  readonly family: 'rsa' | 'rsa-pss' | 'ecdsa' | 'ed25519';
  readonly hash: KeyHash | null;
  readonly accepted: boolean;
}

const scheme = (name: string, family: CsrScheme['family'], hash: KeyHash | null, accepted = true): CsrScheme => ({
  name,
  family,
  hash,
  accepted,
});

/** SPEC: RFC 3279 §2.2, RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3 */
const SCHEMES: ReadonlyMap<string, CsrScheme> = new Map([
  [Oid.rsaSha256, scheme('SHA256-RSA', 'rsa', 'sha256')],
  [Oid.rsaSha384, scheme('SHA384-RSA', 'rsa', 'sha384')],
  [Oid.rsaSha512, scheme('SHA512-RSA', 'rsa', 'sha512')],
  [Oid.ecdsaSha256, scheme('ECDSA-SHA256', 'ecdsa', 'sha256')],
  [Oid.ecdsaSha384, scheme('ECDSA-SHA384', 'ecdsa', 'sha384')],
  [Oid.ecdsaSha512, scheme('ECDSA-SHA512', 'ecdsa', 'sha512')],
  [Oid.ed25519, scheme('Ed25519', 'ed25519', null)],
  ['1.2.840.113549.1.1.5', scheme('SHA1-RSA', 'rsa', 'sha1', false)],
  ['1.3.14.3.2.29', scheme('SHA1-RSA', 'rsa', 'sha1', false)],
  ['1.2.840.10045.4.1', scheme('ECDSA-SHA1', 'ecdsa', 'sha1', false)],
]);

const RSA_PSS = '1.2.840.113549.1.1.10';

/** RSASSA-PSS-params with MGF1 of the same hash and a salt of its length, as the only forms that are recognised. */
function pssParameters(hashOid: string, salt: string): string {
  const hash = `300d0609${hashOid}0500`;
  return `3034a00f${hash}a11c301a06092a864886f70d010108${hash}a2030201${salt}`;
}

/** SPEC: RFC 4055 §3.1 */
const PSS_SCHEMES: ReadonlyMap<string, CsrScheme> = new Map([
  [pssParameters('608648016503040201', '20'), scheme('SHA256-RSAPSS', 'rsa-pss', 'sha256', false)],
  [pssParameters('608648016503040202', '30'), scheme('SHA384-RSAPSS', 'rsa-pss', 'sha384', false)],
  [pssParameters('608648016503040203', '40'), scheme('SHA512-RSAPSS', 'rsa-pss', 'sha512', false)],
]);

/** Undefined for what upstream does not know either. */
export function csrScheme(algorithm: AlgorithmIdentifier): CsrScheme | undefined {
  if (algorithm.oid === RSA_PSS) {
    return PSS_SCHEMES.get(Buffer.from(algorithm.parameters ?? []).toString('hex'));
  }
  if (algorithm.oid === Oid.ed25519 && algorithm.parameters !== undefined) return undefined;
  return SCHEMES.get(algorithm.oid);
}

/** Whether the request is signed by the key it holds. */
export function verifyCsr(used: CsrScheme, csr: ParsedCsr, key: ParsedKey): boolean {
  const family = key.kind.startsWith('ecdsa') ? 'ecdsa' : key.kind;
  const { keyObject } = key;
  if (used.family === 'rsa-pss') {
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
    return family === 'rsa' && verify(used.hash, csr.info, { key: keyObject, padding, saltLength }, csr.signature);
  }
  return family === used.family && verify(used.hash, csr.info, keyObject, csr.signature);
}
