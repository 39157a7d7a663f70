import {
  DerWriter,
  FormatError,
  isWeakRsaModulus,
  Oid,
  type ParsedKey,
  publicKeyFromSpki,
  Tag,
} from '@sigstead/formats';
import { CaError } from '../errors.ts';
import { firstPemBlock } from './go-pem.ts';

/**
 * A client's public key: PEM of a SubjectPublicKeyInfo or of a PKCS#1 RSA key, else the bytes as SubjectPublicKeyInfo.
 * Throws `public_key_unparsable`. Strength is another question.
 */
export function parseClientKey(content: Uint8Array): ParsedKey {
  try {
    return publicKeyFromSpki(spkiOf(content));
  } catch (error) {
    if (error instanceof FormatError)
      throw new CaError('public_key_unparsable', { detail: error.message, cause: error });
    throw error;
  }
}

function spkiOf(content: Uint8Array): Uint8Array {
  const block = firstPemBlock(Buffer.from(content).toString('utf8'));
  if (block === undefined) return content;
  if (block.label === 'PUBLIC KEY') return block.bytes;
  if (block.label === 'RSA PUBLIC KEY') return wrapPkcs1(block.bytes);
  throw new CaError('public_key_unparsable', { detail: `PEM label ${block.label}` });
}

/** SPEC: RFC 8017 appendix A.1.1 inside RFC 3279 §2.3.1. */
function wrapPkcs1(pkcs1: Uint8Array): Uint8Array {
  const writer = new DerWriter(pkcs1.length + 40);
  const end = writer.mark();
  writer.bitString(pkcs1);
  const algorithm = writer.mark();
  writer.null();
  writer.oid(Oid.rsaEncryption);
  writer.wrap(Tag.sequence, algorithm);
  writer.wrap(Tag.sequence, end);
  return writer.finish();
}

const RSA_BITS = new Set([2048, 3072, 4096]);

/**
 * Refuses keys that are too weak or of a kind that never signs here. Throws `public_key_insecure`.
 * SPEC: Fulcio certificate specification, "Subject public key"; sigstore goodkey rules.
 */
export function requireStrongKey(key: ParsedKey): void {
  switch (key.kind) {
    case 'ecdsa-p256':
    case 'ecdsa-p384':
    case 'ecdsa-p521':
    case 'ed25519':
      return;
    case 'rsa':
      if (!RSA_BITS.has(key.bits ?? 0)) throw insecure(`RSA key of ${key.bits} bits`);
      if (key.rsa?.exponent !== 65537n) throw insecure('RSA exponent is not 65537');
      if (isWeakRsaModulus(key.rsa.modulus)) throw insecure('RSA modulus is weak');
      return;
    case 'ecdsa-p224':
    case 'x25519':
    case 'dsa':
      throw insecure(`key of kind ${key.kind}`);
  }
}

function insecure(detail: string): CaError {
  return new CaError('public_key_insecure', { detail });
}
