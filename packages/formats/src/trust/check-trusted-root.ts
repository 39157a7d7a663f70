import { isDeepStrictEqual } from 'node:util';
import { decodeBase64Strict } from '../base64.ts';
import { TRUSTED_ROOT_MEDIA_TYPE } from './documents.ts';
import { TrustError } from './errors.ts';
import { logId } from './log-entry.ts';
import { readLogKey, refusePem } from './keys.ts';
import type { TrustedAuthority, TrustedLog, ValidityWindow } from './model.ts';
import { parseTimestamp } from './time.ts';
import { buildTrustedRoot, type VerificationModel } from './trusted-root.ts';
import { checkUrl, urlHostname } from './urls.ts';

type Members = Record<string, unknown>;

/**
 * Reads a trusted root document that somebody made, as strictly as the strictest client and then some: unknown fields, PEM inside
 * `rawBytes`, an id that is not the log's, a missing start, a subject other than the anchor's, an order other than by start are all
 * refused. Returns the model it stands for, which builds the same document again. Throws TrustError.
 */
export function checkTrustedRoot(document: unknown): VerificationModel {
  const root = members(document, '$', [
    'mediaType',
    'tlogs',
    'certificateAuthorities',
    'ctlogs',
    'timestampAuthorities',
  ]);
  if (root['mediaType'] !== TRUSTED_ROOT_MEDIA_TYPE)
    throw new TrustError('media_type', '$.mediaType', `wants ${TRUSTED_ROOT_MEDIA_TYPE}`);
  const model: VerificationModel = {
    tlogs: list(root['tlogs'], 'tlogs').map((log, index) => readLog(log, `tlogs[${index}]`, rekorKind)),
    ctlogs: list(root['ctlogs'], 'ctlogs').map((log, index) => readLog(log, `ctlogs[${index}]`, () => 'ct' as const)),
    certificateAuthorities: authorities(root['certificateAuthorities'], 'certificateAuthorities'),
    timestampAuthorities: authorities(root['timestampAuthorities'], 'timestampAuthorities'),
  };
  refuseUnsorted(model);
  const rebuilt = buildTrustedRoot(model);
  for (const field of ['tlogs', 'ctlogs'] as const)
    compare(root[field] ?? [], rebuilt[field], field, 'log_id_mismatch');
  for (const field of ['certificateAuthorities', 'timestampAuthorities'] as const)
    compare(root[field] ?? [], rebuilt[field], field, 'subject_mismatch');
  return model;
}

/** SPEC: sigstore_trustroot.proto TrustedRoot (entries sorted by start) */
function refuseUnsorted(model: VerificationModel): void {
  for (const field of ['tlogs', 'ctlogs', 'certificateAuthorities', 'timestampAuthorities'] as const) {
    const starts = model[field].map((entry) => entry.validFor.startMs);
    const index = starts.findIndex((startMs, at) => startMs < (starts[at - 1] ?? startMs));
    if (index >= 0)
      throw new TrustError('not_sorted', `${field}[${index}]`, 'starts before the entry that precedes it');
  }
}

/** Same values in the same order; what differs first names the code. */
function compare(
  given: unknown,
  rebuilt: readonly object[],
  field: string,
  code: 'log_id_mismatch' | 'subject_mismatch',
): void {
  if (isDeepStrictEqual(given, rebuilt)) return;
  const entries = list(given, field);
  const index = entries.findIndex((entry, at) => !isDeepStrictEqual(entry, rebuilt[at]));
  const path = `${field}[${index}]`;
  const part = code === 'log_id_mismatch' ? 'logId' : 'subject';
  const here = (entries[index] as Members)[part];
  const computed = (rebuilt[index] as Members | undefined)?.[part];
  if (!isDeepStrictEqual(here, computed))
    throw new TrustError(code, `${path}.${part}`, 'is not what key or anchor say');
  throw new TrustError('document_malformed', path, 'not in the usual spelling');
}

type KindOf<K> = (keyId: Uint8Array, spki: Uint8Array, baseUrl: string) => K;

function readLog<K extends TrustedLog['kind']>(value: unknown, path: string, kindOf: KindOf<K>): TrustedLog<K> {
  const log = members(value, path, ['baseUrl', 'hashAlgorithm', 'publicKey', 'logId']);
  const key = members(log['publicKey'], `${path}.publicKey`, ['rawBytes', 'keyDetails', 'validFor']);
  const spki = bytes(key['rawBytes'], `${path}.publicKey.rawBytes`);
  if (log['logId'] === undefined) throw new TrustError('log_id_missing', `${path}.logId`, 'tlog missing log ID');
  const keyId = bytes(members(log['logId'], `${path}.logId`, ['keyId'])['keyId'], `${path}.logId.keyId`);
  if (keyId.length !== 32)
    throw new TrustError('log_id_length', `${path}.logId.keyId`, `${keyId.length} bytes in place of 32`);
  const keyDetails = text(key['keyDetails'], `${path}.publicKey.keyDetails`);
  const baseUrl = text(log['baseUrl'], `${path}.baseUrl`);
  readLogKey(spki, keyDetails, `${path}.publicKey.rawBytes`);
  checkUrl(baseUrl, `${path}.baseUrl`);
  const validFor = window(key['validFor'], `${path}.publicKey.validFor`);
  return { kind: kindOf(keyId, spki, baseUrl), baseUrl, spki, keyDetails, validFor };
}

/** The document does not say which Rekor it is: the id does, as far as the two differ. */
function rekorKind(keyId: Uint8Array, spki: Uint8Array, baseUrl: string): 'rekor-v1' | 'rekor-v2' {
  const key = readLogKey(spki, undefined, 'publicKey');
  const isV2 =
    key.family !== 'ecdsa' && Buffer.compare(keyId, logId('rekor-v2', key, urlHostname(new URL(baseUrl)))) === 0;
  return isV2 ? 'rekor-v2' : 'rekor-v1';
}

function authorities(value: unknown, field: string): TrustedAuthority[] {
  return list(value, field).map((entry, index) => {
    const path = `${field}[${index}]`;
    const authority = members(entry, path, ['subject', 'uri', 'certChain', 'validFor']);
    const chain = members(authority['certChain'], `${path}.certChain`, ['certificates']);
    const certificates = list(chain['certificates'], `${path}.certChain.certificates`);
    return {
      uri: text(authority['uri'], `${path}.uri`),
      chain: certificates.map((certificate, at) => {
        const place = `${path}.certChain.certificates[${at}]`;
        return bytes(members(certificate, place, ['rawBytes'])['rawBytes'], `${place}.rawBytes`);
      }),
      validFor: window(authority['validFor'], `${path}.validFor`),
    };
  });
}

function window(value: unknown, path: string): ValidityWindow {
  const range = value === undefined ? {} : members(value, path, ['start', 'end']);
  if (range['start'] === undefined) throw new TrustError('start_missing', `${path}.start`, 'validity has no start');
  const time = (field: 'start' | 'end'): number => {
    const timeMs = parseTimestamp(text(range[field], `${path}.${field}`));
    if (timeMs === undefined)
      throw new TrustError('window_invalid', `${path}.${field}`, 'not a time in RFC 3339 with Z');
    return timeMs;
  };
  return range['end'] === undefined ? { startMs: time('start') } : { startMs: time('start'), endMs: time('end') };
}

function members(value: unknown, path: string, known: readonly string[]): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TrustError('document_malformed', path, 'not an object');
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new TrustError('unknown_field', `${path}.${unknown}`, 'clients of today refuse the document over it');
  return value as Members;
}

function list(value: unknown, path: string): unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > 1000)
    throw new TrustError('document_malformed', path, 'not a list of at most 1000');
  return value;
}

function text(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new TrustError('document_malformed', path, 'not a text');
  return value;
}

function bytes(value: unknown, path: string): Uint8Array {
  let decoded: Uint8Array;
  try {
    decoded = decodeBase64Strict(text(value, path));
  } catch (cause) {
    if (cause instanceof TrustError) throw cause;
    throw new TrustError('document_malformed', path, 'not standard base64 with padding', { cause });
  }
  refusePem(decoded, path);
  return decoded;
}
