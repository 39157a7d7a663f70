import { TlsReader, vector } from './tls.ts';

function encodeChain(chain: readonly Uint8Array[]): Uint8Array {
  return vector(Buffer.concat(chain.map((certificate) => vector(certificate, 3))), 3);
}

function readChain(reader: TlsReader): Uint8Array[] {
  const list = new TlsReader(reader.vector(3));
  const chain: Uint8Array[] = [];
  while (!list.done) chain.push(list.vector(3));
  return chain;
}

/** `extra_data` of an x509 entry: the chain without the certificate itself, issuer first. SPEC: RFC 6962 §4.6 */
export function encodeX509ExtraData(chain: readonly Uint8Array[]): Uint8Array {
  return encodeChain(chain);
}

/** `extra_data` of a precert entry: the precertificate as submitted, then its chain, issuer first. SPEC: RFC 6962 §4.6 */
export function encodePrecertExtraData(precertificate: Uint8Array, chain: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([vector(precertificate, 3), encodeChain(chain)]);
}

/** Throws `tls_malformed`. */
export function decodeX509ExtraData(bytes: Uint8Array): Uint8Array[] {
  const reader = new TlsReader(bytes);
  const chain = readChain(reader);
  reader.end();
  return chain;
}

/** Throws `tls_malformed`. */
export function decodePrecertExtraData(bytes: Uint8Array): { precertificate: Uint8Array; chain: Uint8Array[] } {
  const reader = new TlsReader(bytes);
  const precertificate = reader.vector(3);
  const chain = readChain(reader);
  reader.end();
  return { precertificate, chain };
}
