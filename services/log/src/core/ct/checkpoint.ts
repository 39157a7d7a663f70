import {
  ctNoteKeyHash,
  encodeCtNoteSignature,
  formatCheckpointBody,
  formatNote,
  signatureLine,
} from '@sigstead/formats';
import type { SignedTreeHead } from './personality.ts';

/**
 * A signed tree head as a checkpoint: the same signature in another envelope, so no key is needed. The origin is the log's
 * submission prefix without its scheme; no signature covers it. SPEC: C2SP static-ct-api, "Checkpoints"
 */
export function ctCheckpoint(log: { origin: string; logId: Uint8Array }, head: SignedTreeHead): Uint8Array {
  const { origin, logId } = log;
  const body = formatCheckpointBody({ origin, size: head.size, root: head.root, extensions: [] });
  const signature = encodeCtNoteSignature(head.timestampMs, head.signature);
  return Buffer.from(formatNote(body, [signatureLine(origin, ctNoteKeyHash(origin, logId), signature)]));
}
