import { createHash, verify } from 'node:crypto';
import type { ParsedKey } from '../algorithms/public-key.ts';
import { FormatError } from '../errors.ts';
import { parseCheckpoint } from './checkpoint.ts';
import type { NoteVerifier } from './keys.ts';
import { requireNoteName } from './name.ts';
import { signatureLine } from './note.ts';

/** SPEC: C2SP tlog-cosignature, "Format": the type byte in the key id of Ed25519 cosigners */
const COSIGNATURE_TYPE = 0x04;
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;

/** A cosignature v1 taken apart: the time it states (seconds since 1970, above 0) and its 64-byte Ed25519 signature. */
export interface Cosignature {
  readonly timestampSec: number;
  readonly signature: Uint8Array;
}

function malformed(reason: string): FormatError {
  return new FormatError('cosignature_malformed', `cosignature: ${reason}`);
}

/** Zero would mean "no time", which a statement about a whole log may not leave out. SPEC: C2SP tlog-witness, add-checkpoint */
function requireTime(timestampSec: number): number {
  if (!Number.isSafeInteger(timestampSec) || timestampSec <= 0) throw malformed('bad time');
  return timestampSec;
}

/** SHA-256(name ‖ LF ‖ 04 ‖ key): 32 bytes, 4 of them on the wire. Throws `key_unparsable`, `note_name_invalid`. */
export function cosignerKeyHash(name: string, key: Pick<ParsedKey, 'kind' | 'raw'>): Uint8Array {
  if (key.kind !== 'ed25519' || key.raw === undefined) {
    throw new FormatError('key_unparsable', `a key of kind ${key.kind} makes no cosignatures v1`);
  }
  const hash = createHash('sha256').update(requireNoteName(name));
  return hash.update(Buffer.of(0x0a, COSIGNATURE_TYPE)).update(key.raw).digest();
}

/**
 * What a cosigner signs for a checkpoint's text (with its final line end). Throws `checkpoint_malformed` for any other
 * text, `cosignature_malformed` for a bad time. SPEC: C2SP tlog-cosignature, "Ed25519 signed message"
 */
export function cosignatureMessage(text: string, timestampSec: number): Buffer {
  parseCheckpoint(text);
  return Buffer.from(`cosignature/v1\ntime ${requireTime(timestampSec)}\n${text}`, 'utf8');
}

/** The signature bytes of a note's line: the time as 8 bytes, big-endian, then the signature. */
export function encodeCosignature({ timestampSec, signature }: Cosignature): Uint8Array {
  if (signature.length !== SIGNATURE_BYTES) throw malformed('signature is not 64 bytes');
  const bytes = Buffer.alloc(TIME_BYTES + SIGNATURE_BYTES);
  bytes.writeBigUInt64BE(BigInt(requireTime(timestampSec)));
  bytes.set(signature, TIME_BYTES);
  return bytes;
}

/** Throws `cosignature_malformed`, also for a time of zero or one over 2^53 - 1 seconds. */
export function decodeCosignature(bytes: Uint8Array): Cosignature {
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) throw malformed('not 72 bytes');
  const time = Buffer.from(bytes.buffer, bytes.byteOffset, TIME_BYTES).readBigUInt64BE();
  return { timestampSec: requireTime(Number(time)), signature: bytes.subarray(TIME_BYTES) };
}

/** A cosigner's line of a checkpoint's note, ending in a line end. `name`, `key`: the cosigner's. */
export function cosignatureLine(name: string, key: Pick<ParsedKey, 'kind' | 'raw'>, cosignature: Cosignature): string {
  return signatureLine(name, cosignerKeyHash(name, key), encodeCosignature(cosignature));
}

/** Checks the cosignatures of one cosigner; the note's text must be a checkpoint. Times are the caller's to judge. */
export function cosignatureVerifier(name: string, key: ParsedKey): NoteVerifier {
  return {
    name,
    keyHash: cosignerKeyHash(name, key).subarray(0, 4),
    verify: (text, bytes) => {
      try {
        const { timestampSec, signature } = decodeCosignature(bytes);
        return verify(null, cosignatureMessage(text, timestampSec), key.keyObject, signature);
      } catch (error) {
        if (error instanceof FormatError) return false;
        throw error;
      }
    },
  };
}
