import { createHash } from 'node:crypto';
import {
  defaultKeyDetails,
  FormatError,
  noteKeyHash,
  noteVerifier,
  parseCertificate,
  parseSignedCheckpoint,
  type ParsedKey,
  publicKeyFromSpki,
  verifyNote,
} from '@sigstead/formats';
import { equalHashes, MerkleError, verifyInclusion } from '@sigstead/merkle';
import { LogError } from '../../src/core/errors.ts';
import { CLIENT_SIGNING_ALGORITHMS, type EntryRules, verifiedEntry } from '../../src/core/rekor-v2/entry.ts';
import { parseCreateEntry, proposedEntry } from '../../src/core/rekor-v2/request.ts';
import { hasher } from '../support/test-log.ts';
import type { Bundle, LogEntry, TrustedRoot } from './bundle.ts';

/** What a log's part in a bundle does not hold by, in our own words. */
export type Reason =
  | 'log_unknown'
  | 'log_id'
  | 'no_proof'
  | 'entry'
  | 'body'
  | 'checkpoint'
  | 'signature'
  | 'origin'
  | 'root'
  | 'inclusion';

const RULES: EntryRules = {
  algorithms: new Set(CLIENT_SIGNING_ALGORITHMS),
  dsse: true,
  digest: (name, data) => createHash(name).update(data).digest(),
  leafHash: (leaf) => hasher.leaf(leaf),
};

class Fault extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/**
 * Judges what a log has part in, with our own codecs, proofs and rules: that the entry is the one the bundle's parts make, that
 * the checkpoint is signed by the log that the trusted root names, and that the entry is in its tree. Certificates,
 * timestamps and identities are not looked at. Undefined when all of it holds.
 */
export function judgeLogPart(bundle: Bundle, root: TrustedRoot): Reason | undefined {
  try {
    for (const entry of bundle.verificationMaterial.tlogEntries) judgeEntry(bundle, entry, root);
    return bundle.verificationMaterial.tlogEntries.length === 0 ? 'no_proof' : undefined;
  } catch (error) {
    if (error instanceof Fault) return error.reason;
    throw error;
  }
}

function judgeEntry(bundle: Bundle, entry: LogEntry, root: TrustedRoot): void {
  const log = root.tlogs.find(({ logId }) => logId.keyId === entry.logId.keyId);
  if (log === undefined) throw new Fault('log_unknown');
  const key = publicKeyFromSpki(bytes(log.publicKey.rawBytes));
  const host = new URL(log.baseUrl).hostname;
  const isV2 = entry.kindVersion.version === '0.0.2';
  // An ECDSA log of either version has the same id; an Ed25519 one only under its own name.
  if (isV2 && !equalHashes(noteKeyHash(host, key), bytes(entry.logId.keyId))) throw new Fault('log_id');
  const body = bytes(entry.canonicalizedBody);
  if (isV2 && !body.equals(rebuiltBody(bundle))) throw new Fault('body');
  judgeProof(entry, { body, host, key, isV2 });
}

function judgeProof(
  { inclusionProof: proof }: LogEntry,
  { body, host, key, isV2 }: { body: Buffer; host: string; key: ParsedKey; isV2: boolean },
): void {
  if (proof === undefined) throw new Fault('no_proof');
  const { checkpoint, note } = attempt('checkpoint', () => parseSignedCheckpoint(proof.checkpoint.envelope));
  attempt('signature', () => verifyNote(note, [noteVerifier(host, key)]));
  const isOurs = isV2 ? checkpoint.origin === host : checkpoint.origin.startsWith(`${host} - `);
  if (!isOurs) throw new Fault('origin');
  const isSame = proof.treeSize === String(checkpoint.size) && bytes(proof.rootHash).equals(checkpoint.root);
  if (!isSame) throw new Fault('root');
  attempt('inclusion', () =>
    verifyInclusion({
      hasher,
      index: Number(proof.logIndex ?? '0'),
      size: checkpoint.size,
      leafHash: hasher.leaf(body),
      proof: (proof.hashes ?? []).map(bytes),
      root: checkpoint.root,
    }),
  );
}

/** The bytes that our own log would make of the bundle's parts. */
function rebuiltBody({ verificationMaterial, messageSignature, dsseEnvelope }: Bundle): Buffer {
  const { certificate, x509CertificateChain: chain } = verificationMaterial;
  const rawBytes = certificate?.rawBytes ?? chain?.certificates[0]?.rawBytes ?? '';
  return attempt('entry', () => {
    const key = publicKeyFromSpki(parseCertificate(bytes(rawBytes)).spki);
    const verifier = { x509Certificate: { rawBytes }, keyDetails: defaultKeyDetails(key, 'prehashed')?.name };
    const request =
      messageSignature === undefined
        ? { dsseRequestV002: { envelope: dsseEnvelope, verifiers: [verifier] } }
        : {
            hashedRekordRequestV002: {
              digest: messageSignature.messageDigest.digest,
              signature: { content: messageSignature.signature, verifier },
            },
          };
    const proposed = proposedEntry(parseCreateEntry(Buffer.from(JSON.stringify(request))), RULES);
    return Buffer.from(verifiedEntry(proposed, RULES).leaf({ index: 0, timestampMs: 0 }).leaf);
  });
}

function attempt<T>(reason: Reason, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FormatError || error instanceof MerkleError || error instanceof LogError)
      throw new Fault(reason, error);
    throw error;
  }
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64');
}
