import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import {
  basicConstraints,
  encodePem,
  extKeyUsage,
  isIssuedBy,
  keyUsage,
  Oid,
  type ParsedCertificate,
  parseCertificate,
  subjectKeyId,
} from '@sigstead/formats';
import type { Signer } from '@sigstead/keys';

/** The issuing CA with its chain, checked once at start. */
export interface IssuingCa {
  readonly signer: Signer;
  /** Issuing CA first, root last; DER. */
  readonly chain: readonly Uint8Array[];
  readonly certificate: ParsedCertificate;
  /** DER Name that stands as issuer in every leaf. */
  readonly name: Uint8Array;
  readonly spki: Uint8Array;
  /** The key in the certificate, for checking what the signer gives. */
  readonly publicKey: KeyObject;
  /** SHA-256 of the SubjectPublicKeyInfo: `issuer_key_hash` of RFC 6962. */
  readonly keySha256: Uint8Array;
  readonly subjectKeyId: Uint8Array;
  readonly notAfterMs: number;
  /** AlgorithmIdentifier of its signatures, DER. */
  readonly signatureAlgorithm: Uint8Array;
  readonly signatureAlgorithmOid: string;
  /** Each certificate as PEM with its final newline. */
  readonly chainPem: readonly string[];
}

/** A chain or key that cannot issue; the message says what is wrong, for the operator. */
export class IssuingCaError extends Error {}

const ALGORITHM_OIDS: Readonly<Record<Signer['algorithm'], string>> = {
  'ecdsa-p256-sha256': Oid.ecdsaSha256,
  'ecdsa-p384-sha384': Oid.ecdsaSha384,
  'ecdsa-p521-sha512': Oid.ecdsaSha512,
  'rsa-pkcs1-sha256': Oid.rsaSha256,
  ed25519: Oid.ed25519,
};

/** SPEC: RFC 5758 §3.2 (no parameters), RFC 4055 §5 (NULL), RFC 8410 §3 (no parameters) */
const ALGORITHM_DER: Readonly<Record<Signer['algorithm'], string>> = {
  'ecdsa-p256-sha256': '300a06082a8648ce3d040302',
  'ecdsa-p384-sha384': '300a06082a8648ce3d040303',
  'ecdsa-p521-sha512': '300a06082a8648ce3d040304',
  'rsa-pkcs1-sha256': '300d06092a864886f70d01010b0500',
  ed25519: '300506032b6570',
};

/**
 * Checks that `signer` is the key of the first certificate, that every certificate is signed by the next and is a CA,
 * and that the last one signed itself. Throws IssuingCaError.
 * SPEC: RFC 5280 §6.1; Fulcio certificate specification, "Intermediate".
 */
export function issuingCa(signer: Signer, chain: readonly Uint8Array[], nowMs: number): IssuingCa {
  const certificates = chain.map((der) => parseCertificate(der));
  const [certificate] = certificates;
  const root = certificates.at(-1);
  if (certificate === undefined || root === undefined) throw new IssuingCaError('the CA chain is empty');
  for (const [index, each] of certificates.entries()) {
    checkCaCertificate(each, index, nowMs);
    if (!isIssuedBy(each, certificates[index + 1] ?? root)) {
      throw new IssuingCaError(`certificate ${index} of the CA chain is not signed by the next one`);
    }
  }
  if (Buffer.compare(certificate.spki, signer.spki) !== 0) {
    throw new IssuingCaError('the CA key does not belong to the first certificate of the chain');
  }
  const usages = extKeyUsage(certificate)?.oids;
  if (usages !== undefined && !usages.includes(Oid.codeSigning)) {
    throw new IssuingCaError('the issuing CA certificate is not for code signing');
  }
  if (usages === undefined && certificates.length > 1) {
    throw new IssuingCaError('the issuing CA certificate lacks the extended key usage code signing');
  }
  const keyId = subjectKeyId(certificate);
  if (keyId === undefined) throw new IssuingCaError('the issuing CA certificate has no subject key identifier');
  return {
    signer,
    chain,
    certificate,
    name: certificate.subject,
    spki: certificate.spki,
    publicKey: createPublicKey({ key: Buffer.from(certificate.spki), format: 'der', type: 'spki' }),
    keySha256: createHash('sha256').update(certificate.spki).digest(),
    subjectKeyId: keyId,
    notAfterMs: Math.min(...certificates.map((each) => each.notAfterMs)),
    signatureAlgorithm: Buffer.from(ALGORITHM_DER[signer.algorithm], 'hex'),
    signatureAlgorithmOid: ALGORITHM_OIDS[signer.algorithm],
    chainPem: chain.map((der) => encodePem('CERTIFICATE', der)),
  };
}

function checkCaCertificate(certificate: ParsedCertificate, index: number, nowMs: number): void {
  const where = `certificate ${index} of the CA chain`;
  if (basicConstraints(certificate)?.isCa !== true) throw new IssuingCaError(`${where} is not a CA`);
  if (keyUsage(certificate)?.has('keyCertSign') === false)
    throw new IssuingCaError(`${where} may not sign certificates`);
  if (nowMs > certificate.notAfterMs) throw new IssuingCaError(`${where} has expired`);
  if (nowMs < certificate.notBeforeMs - 60_000) throw new IssuingCaError(`${where} is not valid yet`);
}
