import {
  DerError,
  FormatError,
  Oid,
  type ParsedCsr,
  type ParsedKey,
  parseCsr,
  parseSpki,
  publicKeyFromSpki,
} from '@sigstead/formats';
import { CaError } from '../errors.ts';
import { checkAttributes, checkName } from './csr-fields.ts';
import { csrScheme, verifyCsr } from './csr-signature.ts';
import { requireStrongKey } from './client-key.ts';
import { firstPemBlock } from './go-pem.ts';
import { defaultHash } from './proof.ts';

/** Key algorithms that upstream's parser knows; a request with another one parses, but has no usable key. */
const KNOWN_KEY_OIDS = new Set<string>([
  Oid.rsaEncryption,
  Oid.ecPublicKey,
  Oid.ed25519,
  '1.3.101.110',
  '1.2.840.10040.4.1',
]);

/**
 * The public key of a PEM certificate signing request whose own signature proves possession. Subject and requested
 * extensions must be well-formed, and are ignored. Steps and their errors stand in upstream's order: parse, strength,
 * signature, signature algorithm, permitted pair. SPEC: RFC 2986 §4.
 */
export function keyFromCsr(pem: Uint8Array): ParsedKey {
  const csr = parse(pem);
  const key = keyOf(csr);
  requireStrongKey(key);
  const scheme = csrScheme(csr.signatureAlgorithm);
  if (scheme === undefined || !verifyCsr(scheme, csr, key))
    throw new CaError('proof_invalid', { detail: 'CSR signature' });
  if (!scheme.accepted) {
    throw new CaError('algorithm_unrecognized', { message: `unrecognized signature algorithm: ${scheme.name}` });
  }
  if (scheme.hash !== defaultHash(key)) {
    const type = key.kind === 'rsa' ? '*rsa.PublicKey' : '*ecdsa.PublicKey';
    const hash = `SHA-${(scheme.hash ?? 'sha512').slice(3)}`;
    throw new CaError('algorithm_not_permitted', { message: `signing algorithm not permitted: ${type}, ${hash}` });
  }
  return key;
}

function parse(pem: Uint8Array): ParsedCsr {
  const block = firstPemBlock(Buffer.from(pem).toString('utf8'));
  if (block === undefined || !/^(?:NEW )?CERTIFICATE REQUEST$/.test(block.label)) throw unparsable('no CSR in PEM');
  return orUnparsable(() => {
    const csr = parseCsr(block.bytes);
    if (csr.attributes === undefined) throw unparsable('request without attributes element');
    checkName(csr.subject);
    checkAttributes(csr.attributes);
    return csr;
  });
}

function keyOf(csr: ParsedCsr): ParsedKey {
  const { algorithm } = orUnparsable(() => parseSpki(csr.spki));
  if (!KNOWN_KEY_OIDS.has(algorithm.oid)) throw new CaError('public_key_insecure', { detail: `key ${algorithm.oid}` });
  return orUnparsable(() => publicKeyFromSpki(csr.spki));
}

function orUnparsable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError || error instanceof FormatError) throw unparsable(error.message, error);
    throw error;
  }
}

function unparsable(detail: string, cause?: unknown): CaError {
  return new CaError('csr_unparsable', cause === undefined ? { detail } : { detail, cause });
}
