import {
  formatNote,
  type Note,
  type NoteVerifier,
  signatureLine,
  type VerifierKey,
  verifierOf,
} from '@sigstead/formats';
import { WitnessSetupError } from './errors.ts';

/** A log as it is configured: its origin line, and every key whose signature we take for the log's. */
export interface LogSpec {
  readonly origin: string;
  readonly keys: readonly VerifierKey[];
}

/** The verifiers of a log. Throws WitnessSetupError `logs_contradict`. */
export function logVerifiers({ origin, keys }: LogSpec): NoteVerifier[] {
  for (const { name, type } of keys) {
    if (type === 'cosignature-v1') {
      throw new WitnessSetupError('logs_contradict', `log ${origin}: a cosigner key (type 4) is no log key`);
    }
    // The signature covers a tree head without origin: only the name on the line ties it to the log.
    if (type === 'rfc6962' && name !== origin) {
      throw new WitnessSetupError('logs_contradict', `log ${origin}: an RFC 6962 key must have the origin as its name`);
    }
  }
  return keys.map(verifierOf);
}

/**
 * The signature lines of a log's keys under a note, one for each key; undefined when there is none, or when any line under
 * the name and id of such a key does not verify: such a note is malformed, whatever else it holds.
 * SPEC: C2SP tlog-witness, add-checkpoint ("403 Forbidden"); signed-note, "Signatures"
 */
export function logSignatures(note: Note, verifiers: readonly NoteVerifier[]): string[] | undefined {
  const lines = new Map<NoteVerifier, string>();
  for (const { name, keyHash, signature } of note.signatures) {
    for (const verifier of verifiers) {
      if (verifier.name !== name || Buffer.compare(verifier.keyHash, keyHash) !== 0) continue;
      const line = signatureLine(name, keyHash, signature);
      // The same line over and over costs nothing: who has no key of the log has no other that verifies.
      if (line === lines.get(verifier)) continue;
      if (!verifier.verify(note.text, signature)) return undefined;
      if (!lines.has(verifier)) lines.set(verifier, line);
    }
  }
  return lines.size === 0 ? undefined : [...lines.values()];
}

/** The note with the log's lines first and ours last: what is kept, and shown to monitors. */
export function cosignedNote(text: string, logLines: readonly string[], ownLine: string): string {
  return formatNote(text, [...logLines, ownLine]);
}
