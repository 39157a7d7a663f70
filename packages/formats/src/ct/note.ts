import { createHash } from 'node:crypto';
import type { ParsedKey } from '../algorithms/public-key.ts';
import { FormatError } from '../errors.ts';
import { parseCheckpoint } from '../note/checkpoint.ts';
import { ctNoteKeyHash, type NoteVerifier } from '../note/keys.ts';
import { verifyCtSignature } from './digitally-signed.ts';
import { sthSignatureInput } from './entry.ts';
import { TlsReader, uint64 } from './tls.ts';

/** The signature bytes of a CT checkpoint: time, then the tree head's DigitallySigned. SPEC: C2SP static-ct-api */
export function encodeCtNoteSignature(timestampMs: number, digitallySigned: Uint8Array): Uint8Array {
  return Buffer.concat([uint64(timestampMs), digitallySigned]);
}

export function decodeCtNoteSignature(bytes: Uint8Array): { timestampMs: number; digitallySigned: Uint8Array } {
  const reader = new TlsReader(bytes);
  const timestampMs = reader.uint64();
  return { timestampMs, digitallySigned: bytes.subarray(8) };
}

/** Verifies a CT log's checkpoints: the note's text must be a checkpoint without extension lines. */
export function ctNoteVerifier(name: string, key: ParsedKey): NoteVerifier {
  const logId = createHash('sha256').update(key.spki).digest();
  return {
    name,
    keyHash: ctNoteKeyHash(name, logId).subarray(0, 4),
    verify: (text, signature) => {
      try {
        const { origin, size, root, extensions } = parseCheckpoint(text);
        if (origin !== name || extensions.length > 0) return false;
        const { timestampMs, digitallySigned } = decodeCtNoteSignature(signature);
        return verifyCtSignature(key, sthSignatureInput({ timestampMs, treeSize: size, root }), digitallySigned);
      } catch (error) {
        if (error instanceof FormatError) return false;
        throw error;
      }
    },
  };
}
