import { decodeBase64Strict, encodeBase64 } from '../base64.ts';
import { FormatError } from '../errors.ts';
import { isNoteName, isNoteText, requireNoteName } from './name.ts';

/** One signature line: `keyHash` are its first 4 bytes, `signature` the rest. */
export interface NoteSignature {
  readonly name: string;
  readonly keyHash: Uint8Array;
  readonly signature: Uint8Array;
}

/** A signed note taken apart; nothing is verified. `text` ends in a line end and is what signatures cover. */
export interface Note {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

const MAX_NOTE_CHARS = 1_000_000;
const MAX_SIGNATURES = 100;
const LINE_START = '\u2014 ';

function malformed(reason: string): FormatError {
  return new FormatError('note_malformed', `note: ${reason}`);
}

function parseSignatureLine(line: string): NoteSignature {
  const parts = line.startsWith(LINE_START) ? line.slice(LINE_START.length).split(' ') : [];
  const [name, base64] = parts;
  if (parts.length !== 2 || name === undefined || base64 === undefined || !isNoteName(name)) {
    throw malformed('signature line without name or value');
  }
  let bytes: Uint8Array;
  try {
    bytes = decodeBase64Strict(base64);
  } catch {
    throw malformed('signature is not base64');
  }
  if (bytes.length < 5) throw malformed('signature too short');
  return { name, keyHash: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/**
 * Reads a signed note: text, blank line, one to 100 signature lines. Throws `note_malformed`, `note_unsigned`.
 * SPEC: C2SP signed-note, "Format"
 */
export function parseNote(note: string): Note {
  if (note.length > MAX_NOTE_CHARS) throw malformed('too long');
  if (!isNoteText(note)) throw malformed('control character');
  const split = note.lastIndexOf('\n\n');
  if (split <= 0 || !note.endsWith('\n')) throw malformed('no text, blank line and signatures');
  return { text: note.slice(0, split + 1), signatures: parseSignatureLines(note.slice(split + 2)) };
}

/** One to 100 signature lines, each with its line end. Throws `note_malformed`, `note_unsigned`. */
export function parseSignatureLines(block: string): NoteSignature[] {
  if (block === '') throw new FormatError('note_unsigned', 'note: no signature');
  if (!block.endsWith('\n')) throw malformed('signature line without line end');
  const lines = block.slice(0, -1).split('\n', MAX_SIGNATURES + 1);
  if (lines.length > MAX_SIGNATURES) throw malformed('too many signatures');
  return lines.map(parseSignatureLine);
}

/** `— name base64(hash ‖ signature)` and a line end. `keyHash`: the 4 bytes, or the whole key id they begin. */
export function signatureLine(name: string, keyHash: Uint8Array, signature: Uint8Array): string {
  if (keyHash.length < 4 || signature.length === 0) throw malformed('signature line without key hash or signature');
  const value = Buffer.concat([keyHash.subarray(0, 4), signature]);
  return `${LINE_START}${requireNoteName(name)} ${encodeBase64(value)}\n`;
}

/** A signed note of its text and finished signature lines. Throws `note_malformed`, `note_unsigned`. */
export function formatNote(text: string, signatureLines: readonly string[]): string {
  if (text.length < 2 || !text.endsWith('\n') || !isNoteText(text)) throw malformed('bad text');
  if (signatureLines.length === 0) throw new FormatError('note_unsigned', 'note: no signature');
  const note = `${text}\n${signatureLines.join('')}`;
  if (parseNote(note).text !== text) throw malformed('text and signatures run together');
  return note;
}
