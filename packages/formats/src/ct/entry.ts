import { FormatError } from '../errors.ts';
import { fixed, TlsReader, uint, uint64, vector } from './tls.ts';

/**
 * What a CT log logs: a certificate, or a precertificate as the SHA-256 of its issuer's SPKI and its TBSCertificate
 * without poison. SPEC: RFC 6962 §3.2
 */
export type CtEntry =
  | { readonly type: 'x509'; readonly certificate: Uint8Array }
  | { readonly type: 'precert'; readonly issuerKeyHash: Uint8Array; readonly tbs: Uint8Array };

/** An entry with its time (ms since 1970) and the SCT extensions, as log and signature see it. */
export interface TimestampedEntry {
  readonly timestampMs: number;
  readonly entry: CtEntry;
  readonly extensions: Uint8Array;
}

const VERSION_1 = 0;
const LEAF_TIMESTAMPED_ENTRY = 0;
const SIGNATURE_TYPE = { certificateTimestamp: 0, treeHash: 1 } as const;
const ENTRY_TYPE = { x509: 0, precert: 1 } as const;

/** timestamp ‖ entry type ‖ entry ‖ extensions. SPEC: RFC 6962 §3.4 */
export function encodeTimestampedEntry({ timestampMs, entry, extensions }: TimestampedEntry): Uint8Array {
  const body =
    entry.type === 'x509'
      ? vector(entry.certificate, 3)
      : Buffer.concat([fixed(entry.issuerKeyHash, 32), vector(entry.tbs, 3)]);
  return Buffer.concat([uint64(timestampMs), uint(ENTRY_TYPE[entry.type], 2), body, vector(extensions, 2)]);
}

/** What an SCT's signature covers. SPEC: RFC 6962 §3.2 */
export function sctSignatureInput(entry: TimestampedEntry): Uint8Array {
  return Buffer.concat([Buffer.of(VERSION_1, SIGNATURE_TYPE.certificateTimestamp), encodeTimestampedEntry(entry)]);
}

/** The bytes whose leaf hash stands in the tree. SPEC: RFC 6962 §3.4 */
export function merkleTreeLeaf(entry: TimestampedEntry): Uint8Array {
  return Buffer.concat([Buffer.of(VERSION_1, LEAF_TIMESTAMPED_ENTRY), encodeTimestampedEntry(entry)]);
}

function readEntry(reader: TlsReader): CtEntry {
  const type = reader.uint(2);
  if (type === ENTRY_TYPE.x509) return { type: 'x509', certificate: reader.vector(3) };
  if (type === ENTRY_TYPE.precert) return { type: 'precert', issuerKeyHash: reader.take(32), tbs: reader.vector(3) };
  throw new FormatError('tls_malformed', `unknown entry type ${type}`);
}

/** The reverse of encodeTimestampedEntry; more may follow. */
export function readTimestampedEntry(reader: TlsReader): TimestampedEntry {
  const timestampMs = reader.uint64();
  const entry = readEntry(reader);
  const extensions = reader.vector(2);
  return { timestampMs, entry, extensions };
}

/** The reverse of merkleTreeLeaf (`leaf_input` of get-entries). Throws `tls_malformed`, `tls_out_of_range`. */
export function decodeMerkleTreeLeaf(bytes: Uint8Array): TimestampedEntry {
  const reader = new TlsReader(bytes);
  if (reader.uint(1) !== VERSION_1 || reader.uint(1) !== LEAF_TIMESTAMPED_ENTRY) {
    throw new FormatError('tls_malformed', 'unknown leaf version or type');
  }
  const timestamped = readTimestampedEntry(reader);
  reader.end();
  return timestamped;
}

/** What a tree head's signature covers. `root`: 32 bytes. SPEC: RFC 6962 §3.5 */
export function sthSignatureInput(head: { timestampMs: number; treeSize: number; root: Uint8Array }): Uint8Array {
  const start = Buffer.of(VERSION_1, SIGNATURE_TYPE.treeHash);
  return Buffer.concat([start, uint64(head.timestampMs), uint64(head.treeSize), fixed(head.root, 32)]);
}
