import { FormatError } from '../errors.ts';
import { decodeDigitallySigned, encodeDigitallySigned, readDigitallySigned } from './digitally-signed.ts';
import { fixed, TlsReader, uint64, vector } from './tls.ts';

/** A signed certificate timestamp, version 1. SPEC: RFC 6962 §3.2 */
export interface Sct {
  /** SHA-256 of the log key's SPKI */
  readonly logId: Uint8Array;
  readonly timestampMs: number;
  readonly extensions: Uint8Array;
  /** the whole DigitallySigned: hash algorithm, signature algorithm, length, signature */
  readonly signature: Uint8Array;
}

const VERSION_1 = 0;

export function encodeSct({ logId, timestampMs, extensions, signature }: Sct): Uint8Array {
  decodeDigitallySigned(signature);
  const head = [Buffer.of(VERSION_1), fixed(logId, 32), uint64(timestampMs)];
  return Buffer.concat([...head, vector(extensions, 2), signature]);
}

/** Throws `tls_malformed`, `tls_out_of_range`. */
export function decodeSct(bytes: Uint8Array): Sct {
  const reader = new TlsReader(bytes);
  if (reader.uint(1) !== VERSION_1) throw new FormatError('tls_malformed', 'unknown SCT version');
  const logId = reader.take(32);
  const timestampMs = reader.uint64();
  const extensions = reader.vector(2);
  const signature = encodeDigitallySigned(readDigitallySigned(reader));
  reader.end();
  return { logId, timestampMs, extensions, signature };
}

/** The TLS list inside the certificate extension's inner OCTET STRING; at least one SCT. SPEC: RFC 6962 §3.3 */
export function encodeSctList(scts: readonly Sct[]): Uint8Array {
  if (scts.length === 0) throw new FormatError('tls_out_of_range', 'an SCT list is never empty');
  return vector(Buffer.concat(scts.map((sct) => vector(encodeSct(sct), 2))), 2);
}

/** Throws `tls_malformed`, also for an empty list and for SCTs of another version. */
export function decodeSctList(bytes: Uint8Array): Sct[] {
  const outer = new TlsReader(bytes);
  const list = new TlsReader(outer.vector(2));
  outer.end();
  const scts: Sct[] = [];
  while (!list.done) scts.push(decodeSct(list.vector(2)));
  if (scts.length === 0) throw new FormatError('tls_malformed', 'empty SCT list');
  return scts;
}
