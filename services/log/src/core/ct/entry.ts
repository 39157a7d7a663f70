import {
  type CtEntry,
  decodeMerkleTreeLeaf,
  FormatError,
  encodePrecertExtraData,
  encodeX509ExtraData,
  merkleTreeLeaf,
  Oid,
  tbsWithoutExtension,
} from '@sigstead/formats';
import { equalHashes } from '@sigstead/merkle';
import type { Submission } from '../ports.ts';
import type { AcceptedChain } from './chain.ts';

/** SCT extensions of an RFC 6962 log: none. */
export const NO_EXTENSIONS: Uint8Array = new Uint8Array(0);

/** What an accepted chain puts into the log. SPEC: RFC 6962 §3.2 */
export function ctEntry(
  chain: AcceptedChain,
  type: 'x509' | 'precert',
  sha256: (data: Uint8Array) => Uint8Array,
): CtEntry {
  if (type === 'x509') return { type, certificate: chain.leaf.der };
  const [issuer] = chain.issuers;
  return { type, issuerKeyHash: sha256(issuer.spki), tbs: tbsWithoutExtension(chain.leaf, Oid.ctPoison) };
}

/**
 * The submission of an entry. Its identity is what is logged of it without the time, so that the same certificate sent
 * again gets the SCT it got first; its leaf carries the time of the head it goes in with.
 */
export function ctSubmission(
  chain: AcceptedChain,
  type: 'x509' | 'precert',
  sha256: (data: Uint8Array) => Uint8Array,
): Submission {
  const entry = ctEntry(chain, type, sha256);
  const issuers = chain.issuers.map((issuer) => issuer.der);
  const extra = type === 'x509' ? encodeX509ExtraData(issuers) : encodePrecertExtraData(chain.leaf.der, issuers);
  const untimed = merkleTreeLeaf({ timestampMs: 0, entry, extensions: NO_EXTENSIONS });
  return {
    identity: sha256(untimed),
    weight: untimed.length + extra.length,
    leaf: ({ timestampMs }) => ({ leaf: merkleTreeLeaf({ timestampMs, entry, extensions: NO_EXTENSIONS }), extra }),
  };
}

/** Whether a stored leaf is, but for its time, what the submission would put into the log. */
export function logsSubmission(
  leaf: Uint8Array,
  submission: Submission,
  sha256: (data: Uint8Array) => Uint8Array,
): boolean {
  const identity = identityOfLeaf(leaf, sha256);
  return identity !== undefined && equalHashes(identity, submission.identity);
}

/** The identity of the entry that a stored leaf logs; undefined when it is no leaf of this kind. */
export function identityOfLeaf(leaf: Uint8Array, sha256: (data: Uint8Array) => Uint8Array): Uint8Array | undefined {
  try {
    return sha256(merkleTreeLeaf({ ...decodeMerkleTreeLeaf(leaf), timestampMs: 0 }));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
