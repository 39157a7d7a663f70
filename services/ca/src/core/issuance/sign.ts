import { DerWriter, Tag, verifyX509Signature } from '@sigstead/formats';
import { CaError, messageOf } from '../errors.ts';
import type { IssuanceStore } from '../ports.ts';
import type { IssuingCa } from './issuing-ca.ts';
import type { SigningPermit } from './permit.ts';

/** Known to this module only. */
const RECORDED = new WeakSet<RecordedPermit>();

/** A permit whose bytes are on record. Only `recordPermit` makes one. */
export interface RecordedPermit {
  readonly permit: SigningPermit;
}

/**
 * Puts the permitted bytes on record. When this resolves they are durable, so that a signature can never exist for
 * bytes nobody knows of; a crash after it leaves a record without a signature, which is harmless.
 */
export async function recordPermit(
  permit: SigningPermit,
  to: { store: IssuanceStore; ca: IssuingCa; tokenSha256: Uint8Array },
): Promise<RecordedPermit> {
  const { kind, serial } = permit;
  const { tokenSha256 } = to;
  try {
    await to.store.append({ kind, serial, tbs: permit.tbs(), issuerKeySha256: to.ca.keySha256, tokenSha256 });
  } catch (error) {
    throw new CaError('record_failed', { detail: `issuance record: ${messageOf(error)}`, cause: error });
  }
  // Frozen: another permit in its place would not be on record.
  const recorded: RecordedPermit = Object.freeze({ permit });
  RECORDED.add(recorded);
  return recorded;
}

/**
 * The signed certificate, DER. Throws `signer_failed`. SPEC: RFC 5280 §4.1.1
 *
 * The Signer verified what it gives; a certificate for a client is verified once more, with the key of the CA's own
 * certificate. A precertificate is not: wrongly signed it certifies nothing, and the log refuses it.
 */
export async function signRecorded(recorded: RecordedPermit, ca: IssuingCa): Promise<Uint8Array> {
  if (!RECORDED.has(recorded)) throw new CaError('signer_failed', { detail: 'bytes to sign are not on record' });
  const tbs = recorded.permit.tbs();
  const signature = await signatureOver(tbs, ca, recorded.permit.kind === 'certificate');
  const writer = new DerWriter(tbs.length + signature.length + 64);
  const end = writer.mark();
  writer.bitString(signature);
  writer.raw(ca.signatureAlgorithm);
  writer.raw(tbs);
  writer.wrap(Tag.sequence, end);
  return writer.finish();
}

async function signatureOver(tbs: Uint8Array, ca: IssuingCa, isFinal: boolean): Promise<Uint8Array> {
  let signature: Uint8Array;
  try {
    signature = await ca.signer.sign(tbs);
  } catch (error) {
    throw new CaError('signer_failed', { detail: `signer: ${messageOf(error)}`, cause: error });
  }
  const algorithmOid = ca.signatureAlgorithmOid;
  if (isFinal && !verifyX509Signature({ algorithmOid, message: tbs, signature, key: ca.publicKey })) {
    throw new CaError('signer_failed', { detail: 'the signer gave a signature that does not verify' });
  }
  return signature;
}
