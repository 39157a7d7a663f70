import {
  type CtEntry,
  DerError,
  decodeMerkleTreeLeaf,
  FormatError,
  Oid,
  type ParsedCertificate,
  parseCertificate,
  tbsForFinalIssuer,
  tbsWithoutExtension,
} from '@sigstead/formats';
import type { LeafRecord } from '../records.ts';
import { extraOf } from './data-tile.ts';

type Sha256 = (data: Uint8Array) => Uint8Array;

/** What a log keeps beside an entry: no hash of the tree covers it. */
export interface Beside {
  readonly precertificate: Uint8Array | undefined;
  /** Certificates above the entry, issuer first, DER. */
  readonly chain: readonly Uint8Array[];
}

/**
 * Why what stands beside an entry cannot have been submitted with it; undefined when it fits: the precertificate leads to
 * the very bytes that were logged, and the certificates are named as issuers one of another. Signatures are not looked at.
 */
export function contradictionBeside(entry: CtEntry, beside: Beside, sha256: Sha256): string | undefined {
  try {
    const chain = beside.chain.map((der) => parseCertificate(der));
    const leaf = parseCertificate(
      entry.type === 'x509' ? entry.certificate : (beside.precertificate ?? new Uint8Array(0)),
    );
    const below = [leaf, ...chain];
    if (chain.length === 0) return 'it has no issuer';
    if (chain.some((issuer, i) => !same(issuer.subject, below[i]?.issuer)))
      return 'a certificate is no issuer of the one below it';
    return entry.type === 'x509' || leadsTo(entry, { leaf, chain, sha256 })
      ? undefined
      : 'its precertificate is another one';
  } catch (error) {
    if (error instanceof DerError) return `a certificate beside it does not parse: ${error.message}`;
    throw error;
  }
}

/** The same of a record as it is stored. */
export function contradictionOfRecord({ leaf, extra }: LeafRecord, sha256: Sha256): string | undefined {
  try {
    const { entry } = decodeMerkleTreeLeaf(leaf);
    return contradictionBeside(entry, extraOf(entry.type, extra), sha256);
  } catch (error) {
    if (error instanceof FormatError) return `what stands beside it does not decode: ${error.message}`;
    throw error;
  }
}

function leadsTo(
  entry: CtEntry & { type: 'precert' },
  { leaf, chain, sha256 }: { leaf: ParsedCertificate; chain: readonly ParsedCertificate[]; sha256: Sha256 },
): boolean {
  const [issuer, above] = chain;
  if (issuer === undefined) return false;
  const isOf = (final: ParsedCertificate): boolean => same(sha256(final.spki), entry.issuerKeyHash);
  if (isOf(issuer) && same(tbsWithoutExtension(leaf, Oid.ctPoison), entry.tbs)) return true;
  return above !== undefined && isOf(above) && same(tbsForFinalIssuer(leaf, issuer), entry.tbs);
}

function same(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
