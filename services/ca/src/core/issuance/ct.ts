import { createHash } from 'node:crypto';
import {
  encodeSctList,
  type ParsedKey,
  publicKeyFromSpki,
  sctSignatureInput,
  verifyCtSignature,
} from '@sigstead/formats';
import { CaError, messageOf } from '../errors.ts';
import { type CtClient, isCtRefusal, type Sct } from '../ports.ts';

/** The log precertificates go to, with the key its promises are checked with. */
export interface CtLog {
  readonly client: CtClient;
  readonly publicKey: ParsedKey;
  /** SHA-256 of the key's SubjectPublicKeyInfo. */
  readonly logId: Uint8Array;
  readonly deadlineMs: number;
}

/** Longest wait for an SCT. */
export const CT_DEADLINE_MS = 10_000;
/** An SCT further from our clock than this is not believed: one of the two clocks is wrong. */
const MAX_SKEW_MS = 3_600_000;

/** SPEC: RFC 6962 §2.1.4: log keys are P-256 or RSA of at least 2048 bits. Throws for others. */
export function ctLog(options: {
  client: CtClient;
  publicKeySpki: Uint8Array;
  deadlineMs?: number | undefined;
}): CtLog {
  const publicKey = publicKeyFromSpki(options.publicKeySpki);
  const isRsa = publicKey.kind === 'rsa' && (publicKey.bits ?? 0) >= 2048;
  if (publicKey.kind !== 'ecdsa-p256' && !isRsa) {
    throw new Error('the CT log key is neither P-256 nor RSA of at least 2048 bits');
  }
  const logId = createHash('sha256').update(publicKey.spki).digest();
  return { client: options.client, publicKey, logId, deadlineMs: options.deadlineMs ?? CT_DEADLINE_MS };
}

export interface Submission {
  /** Precertificate first, root last. */
  readonly chain: Uint8Array[];
  /** The to-be-signed bytes without the poison. */
  readonly tbs: Uint8Array;
  readonly issuerKeySha256: Uint8Array;
  readonly nowMs: () => number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Gets an SCT for a precertificate and verifies it over exactly those bytes. Throws `ct_refused` when the log refused
 * or its promise does not hold, `ct_unavailable` when it did not answer in time.
 */
export async function submit(log: CtLog, submission: Submission): Promise<Sct> {
  const sct = await withinDeadline(log, submission);
  const reason = whyNotBelieved(log, sct, submission);
  if (reason !== undefined) throw new CaError('ct_refused', { detail: `SCT not believed: ${reason}` });
  return sct;
}

/** The client port may be slow to notice an abort; nobody waits for that. */
async function withinDeadline(log: CtLog, { chain, signal }: Submission): Promise<Sct> {
  const controller = new AbortController();
  const late = Promise.withResolvers<never>();
  const abort = (): void => {
    const reason = new Error('no SCT in time');
    controller.abort(reason);
    late.reject(reason);
  };
  const timer = setTimeout(abort, log.deadlineMs);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  try {
    return await Promise.race([late.promise, log.client.addPreChain(chain, controller.signal)]);
  } catch (error) {
    const code = isCtRefusal(error) ? 'ct_refused' : 'ct_unavailable';
    throw new CaError(code, { detail: `CT log: ${messageOf(error)}`, cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

/** SPEC: RFC 6962 §3.2; §2.1.4 for the algorithms. */
function whyNotBelieved(log: CtLog, sct: Sct, submission: Submission): string | undefined {
  if (Buffer.compare(sct.logId, log.logId) !== 0) return 'it is of another log';
  if (sct.extensions.length > 0xffff) return 'its extensions are too long';
  if (!Number.isSafeInteger(sct.timestampMs)) return 'its time is no time';
  if (Math.abs(sct.timestampMs - submission.nowMs()) > MAX_SKEW_MS) return 'its time is far from ours';
  const input = sctSignatureInput({
    timestampMs: sct.timestampMs,
    entry: { type: 'precert', issuerKeyHash: submission.issuerKeySha256, tbs: submission.tbs },
    extensions: sct.extensions,
  });
  return verifyCtSignature(log.publicKey, input, sct.signature) ? undefined : 'its signature is wrong';
}

/** SPEC: RFC 6962 §3.3: a list of exactly one. */
export function sctListOf(sct: Sct): Uint8Array {
  return encodeSctList([sct]);
}
