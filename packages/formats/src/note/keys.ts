import { createHash, verify } from 'node:crypto';
import type { ParsedKey } from '../algorithms/public-key.ts';
import { FormatError } from '../errors.ts';
import { requireNoteName } from './name.ts';
import { type Note, type NoteSignature, parseNote } from './note.ts';

/** Signature types that are hashed into key ids. SPEC: C2SP signed-note, "Signature types" */
export const NoteSignatureType = { ed25519: 0x01, rfc6962: 0x05, unassigned: 0xff } as const;

const RSA_TYPE_NAME = 'PKIX-RSA-PKCS#1v1.5';

function keyId(name: string, type: number, ...rest: (string | Uint8Array)[]): Uint8Array {
  const hash = createHash('sha256').update(requireNoteName(name)).update(Buffer.of(0x0a, type));
  for (const part of rest) hash.update(part);
  return hash.digest();
}

/**
 * The 32-byte id of a checkpoint key: its first 4 bytes stand in the signature line, the whole is a Rekor v2 log's id.
 * Ed25519: SHA-256(name ‖ LF ‖ 01 ‖ key). ECDSA: SHA-256(SPKI), without the name. RSA: SHA-256(name ‖ LF ‖ FF ‖
 * "PKIX-RSA-PKCS#1v1.5" ‖ SPKI). SPEC: C2SP signed-note, "Signatures"; rekor-tiles for ECDSA and RSA
 */
export function noteKeyHash(name: string, key: Pick<ParsedKey, 'kind' | 'spki' | 'raw'>): Uint8Array {
  requireNoteName(name);
  if (key.kind === 'ed25519' && key.raw !== undefined) return keyId(name, NoteSignatureType.ed25519, key.raw);
  if (key.kind === 'rsa') return keyId(name, NoteSignatureType.unassigned, RSA_TYPE_NAME, key.spki);
  if (key.kind.startsWith('ecdsa-')) return createHash('sha256').update(key.spki).digest();
  throw new FormatError('key_unparsable', `a key of kind ${key.kind} signs no notes`);
}

/** The id of a CT log's checkpoint key. `logId`: SHA-256 of its SPKI. SPEC: C2SP static-ct-api, "Checkpoints" */
export function ctNoteKeyHash(name: string, logId: Uint8Array): Uint8Array {
  return keyId(name, NoteSignatureType.rfc6962, logId);
}

/** Checks signatures of one key. `text` is the note's text with its final line end. */
export interface NoteVerifier {
  readonly name: string;
  /** 4 bytes */
  readonly keyHash: Uint8Array;
  verify(text: string, signature: Uint8Array): boolean;
}

/** The verifier of an Ed25519 (pure), ECDSA (DER, SHA-256) or RSA (PKCS#1 v1.5, SHA-256) checkpoint key. */
export function noteVerifier(name: string, key: ParsedKey): NoteVerifier {
  const keyHash = noteKeyHash(name, key).subarray(0, 4);
  const hash = key.kind === 'ed25519' ? null : 'sha256';
  return {
    name,
    keyHash,
    verify: (text, signature) => verify(hash, Buffer.from(text, 'utf8'), key.keyObject, signature),
  };
}

function isFrom(verifier: NoteVerifier, { name, keyHash }: NoteSignature): boolean {
  return verifier.name === name && Buffer.compare(verifier.keyHash, keyHash) === 0;
}

/**
 * The signatures of a note that known keys made, at least one, the first of each key. Signatures of unknown keys are
 * ignored; a bad signature of a known key spoils the whole note. Throws `note_signature_invalid`, `note_unsigned`. SPEC: C2SP signed-note
 */
export function verifyNote(note: string | Note, verifiers: readonly NoteVerifier[]): NoteSignature[] {
  const { text, signatures } = typeof note === 'string' ? parseNote(note) : note;
  const verified: NoteSignature[] = [];
  const seen = new Set<NoteVerifier>();
  for (const signature of signatures) {
    const verifier = verifiers.find((each) => isFrom(each, signature));
    if (verifier === undefined || seen.has(verifier)) continue;
    seen.add(verifier);
    if (!verifier.verify(text, signature.signature)) {
      throw new FormatError('note_signature_invalid', `note: signature of ${signature.name} does not verify`);
    }
    verified.push(signature);
  }
  if (verified.length === 0) throw new FormatError('note_unsigned', 'note: no signature of a known key');
  return verified;
}
