import { decodeBase64Strict, encodeBase64 } from '../base64.ts';
import { FormatError } from '../errors.ts';
import { hasTrailingText, parseJson } from '../json/parse.ts';
import { type JsonObject, type JsonValue, member } from '../json/value.ts';
import { decodeSct, encodeSct, type Sct } from './sct.ts';

/** The answer of add-chain and add-pre-chain; bytes are standard base64. SPEC: RFC 6962 §4.1 */
export interface AddChainResponse {
  readonly sct_version: 0;
  readonly id: string;
  readonly timestamp: number;
  readonly extensions: string;
  readonly signature: string;
}

export function addChainResponse(sct: Sct): AddChainResponse {
  return {
    sct_version: 0,
    id: encodeBase64(sct.logId),
    timestamp: sct.timestampMs,
    extensions: encodeBase64(sct.extensions),
    signature: encodeBase64(sct.signature),
  };
}

function malformed(what: string): FormatError {
  return new FormatError('tls_malformed', `${what}: malformed`);
}

function bytesOf(value: JsonValue | undefined, what: string): Uint8Array {
  if (value?.kind !== 'string') throw malformed(what);
  return decodeBase64Strict(value.value);
}

function objectOf(body: string | Uint8Array, limits: { maxNodes: number }): JsonObject {
  const parsed = parseJson(body, { maxDepth: 4, ...limits });
  if (parsed.value.kind !== 'object' || hasTrailingText(parsed)) throw malformed('body');
  return parsed.value;
}

/** Reads what a log answered. Throws `json_*`, `base64_invalid`, `tls_malformed`, `tls_out_of_range`; verifies nothing. */
export function parseAddChainResponse(body: string | Uint8Array): Sct {
  const object = objectOf(body, { maxNodes: 100 });
  const version = member(object, 'sct_version');
  const timestamp = member(object, 'timestamp');
  if (version?.kind !== 'number' || version.text !== '0') throw malformed('sct_version');
  if (timestamp?.kind !== 'number' || !/^\d{1,16}$/.test(timestamp.text)) throw malformed('timestamp');
  const extensions = member(object, 'extensions');
  const sct = {
    logId: bytesOf(member(object, 'id'), 'id'),
    timestampMs: Number(timestamp.text),
    extensions: extensions === undefined ? Buffer.alloc(0) : bytesOf(extensions, 'extensions'),
    signature: bytesOf(member(object, 'signature'), 'signature'),
  };
  return decodeSct(encodeSct(sct));
}

/** The body of add-chain and add-pre-chain: certificates in DER, the submitted one first. SPEC: RFC 6962 §4.1, §4.2 */
export function addChainRequest(chain: readonly Uint8Array[]): { chain: string[] } {
  return { chain: chain.map(encodeBase64) };
}

/** Reads an add-chain body. Throws `json_*`, `base64_invalid`, `tls_malformed` (also for an empty or too long chain). */
export function parseAddChainRequest(body: string | Uint8Array, maxCertificates = 20): Uint8Array[] {
  const chain = member(objectOf(body, { maxNodes: 1000 }), 'chain');
  if (chain?.kind !== 'array' || chain.items.length === 0 || chain.items.length > maxCertificates)
    throw malformed('chain');
  return chain.items.map((each) => bytesOf(each, 'chain'));
}
