import {
  type CtEntry,
  decodeMerkleTreeLeaf,
  DerError,
  encodeLeafIndexExtension,
  encodePrecertExtraData,
  encodeX509ExtraData,
  FormatError,
  merkleTreeLeaf,
  Oid,
  tbsForFinalIssuer,
  tbsWithoutExtension,
} from '@sigstead/formats';
import { equalHashes } from '@sigstead/merkle';
import type { Submission } from '../ports.ts';
import type { AcceptedChain } from './chain.ts';
import { badChain } from './chain-error.ts';

/** SCT extensions of a log that names no indexes: none. */
export const NO_EXTENSIONS: Uint8Array = new Uint8Array(0);

/** Largest certificate or TBSCertificate of an entry: its length has three octets. SPEC: RFC 6962 §3.1 */
const MAX_CERTIFICATE_BYTES = 2 ** 24 - 1;

/** What a CT log is for ever, as far as its leaves show it. */
export interface LeafRules {
  readonly sha256: (data: Uint8Array) => Uint8Array;
  /** Whether each leaf, and so its SCT, names its own index. SPEC: C2SP static-ct-api, "SCT Extension" */
  readonly leafIndex: boolean;
}

/** What an accepted chain puts into the log. Throws `entry_refused`. SPEC: RFC 6962 §3.2 */
export function ctEntry(
  chain: AcceptedChain,
  type: 'x509' | 'precert',
  sha256: (data: Uint8Array) => Uint8Array,
): CtEntry {
  const { leaf, issuers, finalIssuer } = chain;
  if (leaf.der.length > MAX_CERTIFICATE_BYTES) throw badChain('the certificate is too long');
  if (type === 'x509') return { type, certificate: leaf.der };
  const [signing] = issuers;
  const tbs = finalIssuer === signing ? tbsWithoutExtension(leaf, Oid.ctPoison) : tbsSignedFor(leaf, signing);
  return { type, issuerKeyHash: sha256(finalIssuer.spki), tbs };
}

function tbsSignedFor(leaf: AcceptedChain['leaf'], signing: AcceptedChain['leaf']): Uint8Array {
  try {
    return tbsForFinalIssuer(leaf, signing);
  } catch (error) {
    if (error instanceof DerError) throw badChain(error.message, error);
    throw error;
  }
}

/**
 * The submission of an entry. Its identity is what is logged of it without time and index, so that the same certificate
 * sent again gets the SCT it got first; its leaf carries the time of the head it goes in with, and its own index where
 * the log names it. Throws `entry_refused`.
 */
export function ctSubmission(chain: AcceptedChain, type: 'x509' | 'precert', rules: LeafRules): Submission {
  const { sha256, leafIndex } = rules;
  const entry = ctEntry(chain, type, sha256);
  const issuers = chain.issuers.map((issuer) => issuer.der);
  const extra = type === 'x509' ? encodeX509ExtraData(issuers) : encodePrecertExtraData(chain.leaf.der, issuers);
  const bare = merkleTreeLeaf({ timestampMs: 0, entry, extensions: NO_EXTENSIONS });
  return {
    identity: sha256(bare),
    weight: bare.length + LEAF_INDEX_BYTES + extra.length,
    leaf: ({ index, timestampMs }) => {
      const extensions = extensionsAt(index, rules);
      return { leaf: merkleTreeLeaf({ timestampMs, entry, extensions }), extra };
    },
    ...(leafIndex ? { issuers } : {}),
  };
}

const LEAF_INDEX_BYTES = 8;

function extensionsAt(index: number, { leafIndex }: LeafRules): Uint8Array {
  return leafIndex ? encodeLeafIndexExtension(index) : NO_EXTENSIONS;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Whether a leaf read back at an index is, but for its time, what the submission puts into the log there. */
export function logsSubmission(
  leaf: Uint8Array,
  at: { index: number; submission: Submission },
  rules: LeafRules,
): boolean {
  const identity = identityOfLeaf(leaf, at.index, rules);
  return identity !== undefined && equalHashes(identity, at.submission.identity);
}

/**
 * The identity of the entry that a stored leaf logs; undefined when it is no leaf of this log at that index: of another
 * kind, or naming another index, or one where the log names none.
 */
export function identityOfLeaf(leaf: Uint8Array, index: number, rules: LeafRules): Uint8Array | undefined {
  try {
    const decoded = decodeMerkleTreeLeaf(leaf);
    if (!sameBytes(decoded.extensions, extensionsAt(index, rules))) return undefined;
    return rules.sha256(merkleTreeLeaf({ ...decoded, timestampMs: 0, extensions: NO_EXTENSIONS }));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
