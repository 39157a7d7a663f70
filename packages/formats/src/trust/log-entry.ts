import { createHash } from 'node:crypto';
import type { LogInstanceJson } from './documents.ts';
import { TrustError } from './errors.ts';
import { readLogKey, type TrustKey } from './keys.ts';
import type { LogKind, TrustedLog } from './model.ts';
import { windowJson } from './time.ts';
import { checkUrl, urlHostname } from './urls.ts';

/** One log as the trusted root states it. Throws TrustError. */
export function logEntry(log: TrustedLog, path: string): LogInstanceJson {
  const key = readLogKey(log.spki, log.keyDetails, `${path}.spki`);
  const url = checkUrl(log.baseUrl, `${path}.baseUrl`);
  const origin = log.kind === 'rekor-v2' ? logOrigin(log, url, path) : '';
  return {
    baseUrl: log.baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: base64(log.spki),
      keyDetails: key.details,
      validFor: windowJson(log.validFor, `${path}.validFor`),
    },
    logId: { keyId: base64(logId(log.kind, key, origin)) },
  };
}

/**
 * The 32 bytes that name a log in entries, SCTs and checkpoints. Rekor v1 and CT logs, and v2 logs with an ECDSA key: hash of
 * the key. Other v2 logs: hash over origin and key, whole, not cut to four bytes. SPEC: RFC 6962 §3.2, C2SP signed-note
 */
export function logId(kind: LogKind, key: Pick<TrustKey, 'family' | 'spki' | 'raw'>, origin: string): Uint8Array {
  const hash = createHash('sha256');
  if (kind !== 'rekor-v2' || key.family === 'ecdsa') return hash.update(key.spki).digest();
  hash.update(`${origin}\n`);
  if (key.family === 'ed25519') return hash.update(Uint8Array.of(0x01)).update(key.raw).digest();
  return hash.update(Uint8Array.of(0xff)).update('PKIX-RSA-PKCS#1v1.5').update(key.spki).digest();
}

function logOrigin(log: TrustedLog, url: URL, path: string): string {
  const hostname = urlHostname(url);
  if (log.origin !== undefined && log.origin !== hostname) {
    const message = `origin ${JSON.stringify(log.origin)} is not the host name ${hostname} of the base URL (no port, no path)`;
    throw new TrustError('origin_mismatch', `${path}.origin`, message);
  }
  return hostname;
}

/** Refuses two entries of one id, which clients let overwrite each other, and two v2 logs of one origin. */
export function checkLogsDistinct(
  logs: readonly TrustedLog[],
  entries: readonly LogInstanceJson[],
  path: string,
): void {
  const ids = new Set<string>();
  const origins = new Set<string>();
  logs.forEach((log, index) => {
    const id = entries[index]?.logId.keyId ?? '';
    if (ids.has(id)) throw new TrustError('log_duplicate', `${path}[${index}]`, 'another entry has the same log id');
    ids.add(id);
    if (log.kind !== 'rekor-v2') return;
    const origin = urlHostname(new URL(log.baseUrl));
    if (origins.has(origin)) {
      throw new TrustError(
        'origin_duplicate',
        `${path}[${index}].baseUrl`,
        `another Rekor v2 log has the origin ${origin}`,
      );
    }
    origins.add(origin);
  });
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
