import { decodeGatewayBody, FormatError, pae, type ProtoMessage } from '@sigstead/formats';
import { LogError } from '../errors.ts';
import { CREATE_ENTRY, type VERIFIER } from './messages.ts';

export type CreateEntryRequest = ProtoMessage<typeof CREATE_ENTRY>;

/** What signed: the DER bytes as they were sent, never re-encoded. */
export interface Verifier {
  kind: 'publicKey' | 'x509Certificate';
  rawBytes: Uint8Array;
  /** PublicKeyDetails number. */
  keyDetails: number;
}

/** A request that has all it must have; nothing of it is verified. */
export interface ProposedEntry {
  signature: Uint8Array;
  verifier: Verifier;
  /** What was signed: a digest as sent, or a message still to be hashed with the hash of keyDetails. */
  signed: { digest: Uint8Array } | { message: Uint8Array };
}

const JSON_LIMITS = { maxDepth: 10_000, maxNodes: 20_000 } as const;

/** Reads the request's JSON. Throws `entry_refused` with the text of the upstream gateway. */
export function parseCreateEntry(body: Uint8Array): CreateEntryRequest {
  try {
    return decodeGatewayBody(CREATE_ENTRY, body, { unknown: 'reject', ...JSON_LIMITS });
  } catch (error) {
    if (error instanceof FormatError) throw new LogError('entry_refused', error.message, { detail: error.code });
    throw error;
  }
}

/**
 * Picks the entry out of a request; DSSE requests only where `dsse` is on. Throws `entry_refused` with upstream's text,
 * the reason in `detail`.
 */
export function proposedEntry(request: CreateEntryRequest, { dsse: isDsseOn }: { dsse: boolean }): ProposedEntry {
  const { hashedRekordRequestV002: hashedrekord, dsseRequestV002: dsse } = request;
  if (hashedrekord !== undefined) {
    const content = required(hashedrekord.signature?.content, 'signature content');
    const verifier = verifierOf(hashedrekord.signature?.verifier);
    return { signature: content, verifier, signed: { digest: required(hashedrekord.digest, 'digest') } };
  }
  if (dsse !== undefined && isDsseOn) return proposedEnvelope(dsse);
  throw new LogError('entry_refused', 'invalid type, must be hashedrekord');
}

/**
 * A DSSE envelope with exactly one signature is logged as the hashedrekord over its pre-authentication encoding: what
 * clients of the DSSE request later look for. Upstream refuses the request type; more or fewer signatures are refused
 * here too, with upstream's text.
 */
function proposedEnvelope(dsse: NonNullable<CreateEntryRequest['dsseRequestV002']>): ProposedEntry {
  const signatures = dsse.envelope?.signatures ?? [];
  const verifiers = dsse.verifiers ?? [];
  const [signature] = signatures;
  const [verifier] = verifiers;
  if (signatures.length !== 1 || verifiers.length !== 1 || signature === undefined || verifier === undefined) {
    throw new LogError('entry_refused', 'invalid type, must be hashedrekord', {
      detail: `DSSE request with ${signatures.length} signatures and ${verifiers.length} verifiers`,
    });
  }
  const payloadType = dsse.envelope?.payloadType;
  if (payloadType === undefined || payloadType === '') throw refused('missing payload type');
  const payload = dsse.envelope?.payload ?? new Uint8Array(0);
  return {
    signature: required(signature.sig, 'signature content'),
    verifier: verifierOf(verifier),
    signed: { message: pae(payloadType, payload) },
  };
}

function verifierOf(verifier: ProtoMessage<typeof VERIFIER> | undefined): Verifier {
  const { publicKey, x509Certificate, keyDetails } = verifier ?? {};
  const kind = x509Certificate === undefined ? 'publicKey' : 'x509Certificate';
  const rawBytes = required((x509Certificate ?? publicKey)?.rawBytes, 'signature public key or X.509 certificate');
  return { kind, rawBytes, keyDetails: keyDetails ?? 0 };
}

function required(bytes: Uint8Array | undefined, what: string): Uint8Array {
  if (bytes === undefined || bytes.length === 0) throw refused(`missing ${what}`);
  return bytes;
}

/** The one text upstream has for every entry that does not hold; the reason is the operator's. */
export function refused(detail: string, cause?: unknown): LogError {
  return new LogError('entry_refused', 'invalid hashedrekord request', { detail, cause });
}
