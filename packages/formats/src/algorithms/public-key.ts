import { createPublicKey, type KeyObject } from 'node:crypto';
import { DerError } from '../der/errors.ts';
import { type DerCursor, readDer } from '../der/reader.ts';
import { Tag } from '../der/tags.ts';
import { FormatError } from '../errors.ts';
import type { AlgorithmIdentifier } from '../x509/certificate.ts';
import { Oid } from '../x509/oids.ts';
import { parseSpki } from '../x509/spki.ts';
import type { KeyKind } from './registry.ts';

/** A public key with the facts callers decide by: whether it is strong enough for them is their rule, not this file's. */
export interface ParsedKey {
  readonly kind: KeyKind;
  readonly keyObject: KeyObject;
  /** exactly the bytes that were parsed; there is no other DER of this key */
  readonly spki: Uint8Array;
  /** modulus size (RSA), prime size (DSA) or field size (EC) */
  readonly bits?: number;
  /** RSA only */
  readonly rsa?: { readonly modulus: bigint; readonly exponent: bigint };
  /** EC only: 04 ‖ x ‖ y */
  readonly point?: Uint8Array;
  /** Ed25519, X25519: the 32 bytes */
  readonly raw?: Uint8Array;
}

const MAX_SPKI_BYTES = 8192;
const MAX_EXPONENT = 2n ** 63n - 1n;
/** SPEC: RFC 5912 §6, RFC 5480 §2.1.1.1, RFC 8410 §3, RFC 3279 §2.3.2 */
const CURVES: Readonly<Record<string, { kind: KeyKind; bits: number }>> = {
  '1.3.132.0.33': { kind: 'ecdsa-p224', bits: 224 },
  [Oid.p256]: { kind: 'ecdsa-p256', bits: 256 },
  [Oid.p384]: { kind: 'ecdsa-p384', bits: 384 },
  [Oid.p521]: { kind: 'ecdsa-p521', bits: 521 },
};
const X25519 = '1.3.101.110';
const DSA = '1.2.840.10040.4.1';

type Facts = Omit<ParsedKey, 'keyObject' | 'spki'>;

function unparsable(reason: string): FormatError {
  return new FormatError('key_unparsable', reason);
}

function readSequence(bytes: Uint8Array): DerCursor {
  const element = readDer(bytes);
  if (element.tag !== Tag.sequence) throw unparsable('not a SEQUENCE');
  return element.children();
}

function readRsa(algorithm: AlgorithmIdentifier, key: Uint8Array): Facts {
  const parameters = algorithm.parameters;
  if (parameters?.length !== 2 || parameters[0] !== Tag.null || parameters[1] !== 0) {
    throw unparsable('RSA key without NULL parameters');
  }
  const cursor = readSequence(key);
  const modulus = cursor.next(Tag.integer).bigInteger();
  const exponent = cursor.next(Tag.integer).bigInteger();
  cursor.end();
  if (modulus <= 0n || exponent <= 0n || exponent > MAX_EXPONENT) throw unparsable('RSA number out of range');
  return { kind: 'rsa', bits: modulus.toString(2).length, rsa: { modulus, exponent } };
}

function readEc(algorithm: AlgorithmIdentifier, key: Uint8Array): Facts {
  const parameters = algorithm.parameters;
  if (parameters === undefined) throw unparsable('EC key without curve');
  const element = readDer(parameters);
  const curve = element.tag === Tag.oid ? CURVES[element.oid()] : undefined;
  if (curve === undefined) throw unparsable('unknown curve');
  const fieldBytes = Math.ceil(curve.bits / 8);
  if (key[0] !== 0x04 || key.length !== 1 + 2 * fieldBytes) throw unparsable('not an uncompressed point');
  return { ...curve, point: key };
}

function readRaw(kind: 'ed25519' | 'x25519', algorithm: AlgorithmIdentifier, key: Uint8Array): Facts {
  if (algorithm.parameters !== undefined || key.length !== 32) throw unparsable(`not an ${kind} key`);
  return { kind, raw: key };
}

function readDsa(algorithm: AlgorithmIdentifier, key: Uint8Array): Facts {
  const parameters = algorithm.parameters;
  if (parameters === undefined) throw unparsable('DSA key without parameters');
  const cursor = readSequence(parameters);
  const numbers = [0, 1, 2].map(() => cursor.next(Tag.integer).bigInteger());
  cursor.end();
  numbers.push(readDer(key).bigInteger());
  if (numbers.some((each) => each <= 0n)) throw unparsable('DSA number out of range');
  return { kind: 'dsa', bits: (numbers[0] ?? 0n).toString(2).length };
}

function readFacts(spki: Uint8Array): Facts {
  if (spki[0] !== Tag.sequence) throw unparsable('not a SEQUENCE');
  const { algorithm, key } = parseSpki(spki);
  switch (algorithm.oid) {
    case Oid.rsaEncryption:
      return readRsa(algorithm, key);
    case Oid.ecPublicKey:
      return readEc(algorithm, key);
    case Oid.ed25519:
      return readRaw('ed25519', algorithm, key);
    case X25519:
      return readRaw('x25519', algorithm, key);
    case DSA:
      return readDsa(algorithm, key);
    default:
      // RSA-PSS and Ed448 land here too, as they do upstream.
      throw unparsable(`unknown key algorithm ${algorithm.oid}`);
  }
}

/**
 * A SubjectPublicKeyInfo, with the strictness of the upstream parser: strict DER, nothing after it, named curves with
 * uncompressed points on the curve, RSA with NULL parameters. Throws `key_unparsable`; weak keys are not refused.
 * SPEC: RFC 5280 §4.1.2.7, RFC 3279 §2.3, RFC 5480 §2, RFC 8410 §4
 */
export function publicKeyFromSpki(spki: Uint8Array): ParsedKey {
  if (spki.length > MAX_SPKI_BYTES) throw unparsable(`key over ${MAX_SPKI_BYTES} bytes`);
  // A copy: a key outlives the request buffer it was cut from.
  const bytes = Buffer.from(spki);
  let facts: Facts;
  try {
    facts = readFacts(bytes);
  } catch (error) {
    if (error instanceof DerError) throw new FormatError('key_unparsable', error.message, { cause: error });
    throw error;
  }
  try {
    // OpenSSL checks here that the point lies on its curve.
    const keyObject = createPublicKey({ key: bytes, format: 'der', type: 'spki' });
    return { ...facts, keyObject, spki: bytes };
  } catch (error) {
    throw new FormatError('key_unparsable', 'the key does not load', { cause: error });
  }
}
