import { decodeBase64Strict, encodeBase64 } from '../base64.ts';
import { FormatError } from '../errors.ts';
import { isNoteText } from './name.ts';
import { type Note, parseNote } from './note.ts';

/** What a log signs: its name, tree size and root (32 bytes), and lines of its own. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly extensions: readonly string[];
}

const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;
const MAX_EXTENSIONS = 1000;

function malformed(reason: string): FormatError {
  return new FormatError('checkpoint_malformed', `checkpoint: ${reason}`);
}

function isLine(line: string): boolean {
  return line !== '' && !line.includes('\n') && isNoteText(line);
}

function parseRoot(text: string): Uint8Array {
  let root: Uint8Array;
  try {
    root = decodeBase64Strict(text);
  } catch {
    throw malformed('root is not base64');
  }
  if (root.length !== 32) throw malformed('root is not 32 bytes');
  return root;
}

/** The text of a checkpoint (a note's text, its final line end included). SPEC: C2SP tlog-checkpoint, "Note text" */
export function parseCheckpoint(body: string): Checkpoint {
  if (!body.endsWith('\n')) throw malformed('no final line end');
  const [origin, sizeText, rootText, ...extensions] = body.slice(0, -1).split('\n');
  if (origin === undefined || sizeText === undefined || rootText === undefined)
    throw malformed('fewer than three lines');
  if (!isLine(origin)) throw malformed('bad origin');
  const size = Number(sizeText);
  if (!SIZE.test(sizeText) || !Number.isSafeInteger(size)) throw malformed('bad tree size');
  if (extensions.length > MAX_EXTENSIONS || !extensions.every(isLine)) throw malformed('bad extension line');
  return { origin, size, root: parseRoot(rootText), extensions };
}

/** A whole signed checkpoint: note and text. Throws `note_*`, `checkpoint_malformed`; verifies nothing. */
export function parseSignedCheckpoint(note: string): { checkpoint: Checkpoint; note: Note } {
  const parsed = parseNote(note);
  return { checkpoint: parseCheckpoint(parsed.text), note: parsed };
}

/** The text to sign; ends in a line end. Throws `checkpoint_malformed` for what could not be read back. */
export function formatCheckpointBody(checkpoint: Checkpoint): string {
  const { origin, size, root, extensions } = checkpoint;
  if (!isLine(origin) || !extensions.every(isLine)) throw malformed('bad origin or extension line');
  if (!Number.isSafeInteger(size) || size < 0) throw malformed('bad tree size');
  if (root.length !== 32) throw malformed('root is not 32 bytes');
  return `${[origin, String(size), encodeBase64(root), ...extensions].join('\n')}\n`;
}
