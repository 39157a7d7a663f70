import { formatNote, type NoteVerifier, parseNote, signatureLine } from '@sigstead/formats';

/** The note without the lines of these cosigners: what they are asked about. The log's own lines stay, in their order. */
export function withoutCosignatures(note: Uint8Array, cosigners: readonly NoteVerifier[]): Uint8Array {
  const { text, signatures } = parseNote(Buffer.from(note).toString('utf8'));
  const others = signatures.filter(
    ({ name, keyHash }) => !cosigners.some((each) => each.name === name && Buffer.compare(each.keyHash, keyHash) === 0),
  );
  const lines = others.map(({ name, keyHash, signature }) => signatureLine(name, keyHash, signature));
  return Buffer.from(formatNote(text, lines));
}

/**
 * The note with cosignature lines after its own ones: clients take the first line for the log's.
 * SPEC: C2SP tlog-cosignature, "Format"
 */
export function withCosignatures(note: Uint8Array, lines: readonly string[]): Uint8Array {
  return Buffer.concat([note, Buffer.from(lines.join(''))]);
}

/** Whether the note carries a line of that cosigner; it is not verified. */
export function isCosignedBy(note: Uint8Array, { name, keyHash }: NoteVerifier): boolean {
  const { signatures } = parseNote(Buffer.from(note).toString('utf8'));
  return signatures.some((each) => each.name === name && Buffer.compare(each.keyHash, keyHash) === 0);
}
