import {
  DerError,
  encodeBase64,
  FormatError,
  HASH_SIZES,
  type HashName,
  type KeyDetails,
  type KeyDetailsName,
  keyDetailsInfo,
  keyFitsDetails,
  parseCertificate,
  type ParsedCertificate,
  type ParsedKey,
  PROTO_HASH_NAMES,
  publicKeyFromSpki,
  verifyDigest,
} from '@sigstead/formats';
import { LogError } from '../errors.ts';
import type { Submission } from '../ports.ts';
import { type ProposedEntry, refused, type Verifier } from './request.ts';
import type { SearchableEntry } from './search-keys.ts';

/** Labels a prehashed entry may carry. SPEC: rekor-tiles, --client-signing-algorithms, default list. */
export const CLIENT_SIGNING_ALGORITHMS = [
  'PKIX_RSA_PKCS1V15_2048_SHA256',
  'PKIX_RSA_PKCS1V15_3072_SHA256',
  'PKIX_RSA_PKCS1V15_4096_SHA256',
  'PKIX_ECDSA_P256_SHA_256',
  'PKIX_ECDSA_P384_SHA_384',
  'PKIX_ECDSA_P521_SHA_512',
  'PKIX_ED25519_PH',
] as const satisfies readonly KeyDetailsName[];
export type ClientSigningAlgorithm = (typeof CLIENT_SIGNING_ALGORITHMS)[number];

/** SPEC: C2SP tlog-tiles, Log entries: an entry's length is a uint16. */
export const MAX_ENTRY_BYTES = 65_535;

/** Hashes bytes with the named hash; given by the composition. */
export type Digest = (hash: HashName, data: Uint8Array) => Uint8Array;

export interface EntryRules {
  /** Which of CLIENT_SIGNING_ALGORITHMS this log takes. */
  algorithms: ReadonlySet<KeyDetailsName>;
  /** Whether DSSE requests are taken. */
  dsse: boolean;
  digest: Digest;
  leafHash: (leaf: Uint8Array) => Uint8Array;
  /** What an entry is to be found by; undefined where entries are not found by anything. */
  searchKeys?: ((entry: SearchableEntry) => Uint8Array[]) | undefined;
}

/**
 * Verifies a proposed entry and makes the leaf of it. Throws `entry_refused`, `entry_too_large`.
 *
 * The label must be what the key really is. Upstream compares only its hash; but clients rebuild the leaf with the
 * key's own label, so a mislabelled entry could never be verified by anyone.
 */
export function verifiedEntry(proposed: ProposedEntry, rules: EntryRules): Submission {
  const { verifier, signature, signed } = proposed;
  const { key, ...keyHolder } = keyOf(verifier);
  const { details, hash } = allowedDetails(verifier.keyDetails, rules.algorithms);
  if (!keyFitsDetails(key, details)) throw refused(`a key of kind ${key.kind} is labelled ${details.name}`);
  const digest = 'digest' in signed ? signed.digest : rules.digest(hash, signed.message);
  if (digest.length !== HASH_SIZES[hash]) {
    throw refused(`digest length (${digest.length}) does not match expected size (${HASH_SIZES[hash]})`);
  }
  if (!verifyDigest(key, details, digest, signature)) throw refused('verifying signature');
  const leaf = Buffer.from(canonicalBody({ verifier, signature, digest, hash, details }));
  if (leaf.length > MAX_ENTRY_BYTES) {
    throw new LogError('entry_too_large', 'invalid hashedrekord request', { detail: `entry of ${leaf.length} bytes` });
  }
  return {
    identity: rules.leafHash(leaf),
    weight: leaf.length,
    leaf: () => ({ leaf, extra: new Uint8Array(0) }),
    ...(rules.searchKeys === undefined ? {} : { searchKeys: rules.searchKeys({ hash, digest, ...keyHolder }) }),
  };
}

function keyOf({ kind, rawBytes }: Verifier): { key: ParsedKey; spki: Uint8Array; certificate?: ParsedCertificate } {
  try {
    if (kind === 'publicKey') return { key: publicKeyFromSpki(rawBytes), spki: rawBytes };
    // Dates and issuer of a certificate are not looked at: what they are worth is for verifiers to say.
    const certificate = parseCertificate(rawBytes);
    const { spki } = certificate;
    return { key: publicKeyFromSpki(spki), spki, certificate };
  } catch (error) {
    if (error instanceof DerError || error instanceof FormatError) throw refused('parsing verifier', error);
    throw error;
  }
}

/** Whether verifiedEntry() takes so long that others must be let through in between. */
export function isSlowToVerify({ verifier }: ProposedEntry): boolean {
  return keyDetailsInfo(verifier.keyDetails)?.slow === true;
}

function allowedDetails(
  number: number,
  algorithms: ReadonlySet<KeyDetailsName>,
): { details: KeyDetails; hash: HashName } {
  const details = keyDetailsInfo(number);
  if (details?.hash === undefined || !algorithms.has(details.name)) {
    throw refused(`unsupported entry algorithm: ${details?.name ?? number}`);
  }
  return { details, hash: details.hash };
}

/**
 * The bytes in the tree: RFC 8785 canonical JSON of the entry. Written out, since every value is base64 or a name from
 * a closed list, so nothing needs escaping, and the member order is fixed. SPEC: rekor v2 spec, Entry
 */
export function canonicalBody(entry: {
  verifier: Verifier;
  signature: Uint8Array;
  digest: Uint8Array;
  hash: HashName;
  details: KeyDetails;
}): string {
  const { verifier, details } = entry;
  return (
    '{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{' +
    `"algorithm":"${PROTO_HASH_NAMES[entry.hash]}","digest":"${encodeBase64(entry.digest)}"},` +
    `"signature":{"content":"${encodeBase64(entry.signature)}",` +
    `"verifier":{"keyDetails":"${details.name}","${verifier.kind}":{"rawBytes":"${encodeBase64(verifier.rawBytes)}"}}}}}}`
  );
}
