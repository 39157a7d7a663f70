import { DerError, type HashName, HASH_SIZES, parseCertificate, PROTO_HASH_NAMES } from '@sigstead/formats';
import { type SearchableEntry, searchKeysOf, type Sha256 } from './search-keys.ts';

const HASH_NAMES: ReadonlyMap<unknown, HashName> = new Map(
  (Object.keys(HASH_SIZES) as HashName[]).map((name) => [PROTO_HASH_NAMES[name], name]),
);

/**
 * The keys of a stored entry, from its canonical body alone: the same as it had when it was added. None for bytes that are no
 * such entry.
 */
export function keysOfBody(leaf: Uint8Array, sha256: Sha256): Uint8Array[] {
  const entry = searchableEntry(leaf);
  return entry === undefined ? [] : searchKeysOf(entry, sha256);
}

/** What a canonical body is found by; undefined when it is none. */
export function searchableEntry(leaf: Uint8Array): SearchableEntry | undefined {
  const spec = at(parsed(leaf), 'spec', 'hashedRekordV002');
  const hash = HASH_NAMES.get(at(spec, 'data', 'algorithm'));
  const digest = bytesAt(spec, 'data', 'digest');
  if (hash === undefined || digest === undefined) return undefined;
  const spki = bytesAt(spec, 'signature', 'verifier', 'publicKey', 'rawBytes');
  if (spki !== undefined) return { hash, digest, spki };
  const der = bytesAt(spec, 'signature', 'verifier', 'x509Certificate', 'rawBytes');
  if (der === undefined) return undefined;
  try {
    const certificate = parseCertificate(der);
    return { hash, digest, spki: certificate.spki, certificate };
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function parsed(leaf: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (from, name) => (typeof from === 'object' && from !== null ? (from as Record<string, unknown>)[name] : undefined),
    value,
  );
}

function bytesAt(value: unknown, ...path: readonly string[]): Uint8Array | undefined {
  const text = at(value, ...path);
  return typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
}
