import { decodeBase64Strict, encodeBase64 } from '../base64.ts';
import { FormatError } from '../errors.ts';
import { type Checkpoint, parseSignedCheckpoint } from './checkpoint.ts';
import { type Note, type NoteSignature, parseSignatureLines } from './note.ts';

/** Bytes of a request that we read: room for 63 hashes and 16 signatures of the largest kind. */
export const MAX_ADD_CHECKPOINT_BYTES = 128 * 1024;
/** SPEC: C2SP tlog-witness, add-checkpoint: at most 63 proof lines, and this type for the size in a 409 */
export const MAX_CONSISTENCY_HASHES = 63;
export const TLOG_SIZE_TYPE = 'text/x.tlog.size';

const MAX_ANSWER_CHARS = 64 * 1024;
const MAX_ANSWER_LINES = 16;
const SIZE = /^(?:0|[1-9][0-9]{0,15})$/;

/** What a log asks of a witness. Nothing is verified. */
export interface AddCheckpointRequest {
  /** the size that the log believes the witness cosigned last; 0 when it knows none */
  readonly oldSize: number;
  /** from `oldSize` to the checkpoint's size */
  readonly proof: readonly Uint8Array[];
  /** as sent; `note` and `checkpoint` are its parts */
  readonly signed: string;
  readonly note: Note;
  readonly checkpoint: Checkpoint;
}

function malformed(reason: string): FormatError {
  return new FormatError('add_checkpoint_malformed', `add-checkpoint: ${reason}`);
}

function parseSize(text: string): number {
  const size = Number(text);
  if (!SIZE.test(text) || !Number.isSafeInteger(size)) throw malformed('bad size');
  return size;
}

function parseHash(line: string): Uint8Array {
  let hash: Uint8Array;
  try {
    hash = decodeBase64Strict(line);
  } catch {
    throw malformed('proof line is not base64');
  }
  if (hash.length !== 32) throw malformed('proof line is not 32 bytes');
  return hash;
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw malformed('not UTF-8');
  }
}

/**
 * The body of an add-checkpoint request. Throws `add_checkpoint_malformed`, `note_malformed`, `note_unsigned`,
 * `checkpoint_malformed`. SPEC: C2SP tlog-witness, add-checkpoint
 */
export function parseAddCheckpointRequest(body: Uint8Array): AddCheckpointRequest {
  if (body.length > MAX_ADD_CHECKPOINT_BYTES) throw malformed('too long');
  const text = decodeUtf8(body);
  const headEnd = text.indexOf('\n\n');
  if (headEnd < 0 || !text.startsWith('old ')) throw malformed('no old size line, empty line and checkpoint');
  const [oldLine = '', ...hashes] = text.slice(0, headEnd).split('\n');
  if (hashes.length > MAX_CONSISTENCY_HASHES) throw malformed('too many proof lines');
  const oldSize = parseSize(oldLine.slice('old '.length));
  const signed = text.slice(headEnd + 2);
  return { oldSize, proof: hashes.map(parseHash), signed, ...parseSignedCheckpoint(signed) };
}

/** The body of a request. `note`: the signed checkpoint as it is, with its final line end. */
export function formatAddCheckpointRequest(request: {
  oldSize: number;
  proof: readonly Uint8Array[];
  note: string;
}): string {
  const { oldSize, proof, note } = request;
  if (!Number.isSafeInteger(oldSize) || oldSize < 0) throw malformed('bad size');
  if (proof.length > MAX_CONSISTENCY_HASHES || proof.some((hash) => hash.length !== 32)) throw malformed('bad proof');
  return `${[`old ${oldSize}`, ...proof.map(encodeBase64)].join('\n')}\n\n${note}`;
}

/** The body of a 200: signature lines, one to 16. Verifies nothing. Throws `note_malformed`, `note_unsigned`. */
export function parseCosignatureAnswer(body: string): NoteSignature[] {
  if (body.length > MAX_ANSWER_CHARS) throw malformed('answer too long');
  const signatures = parseSignatureLines(body);
  if (signatures.length > MAX_ANSWER_LINES) throw malformed('too many signatures in the answer');
  return signatures;
}

/** The body of a 409: the size of the latest cosigned checkpoint. Throws `add_checkpoint_malformed`. */
export function parseTlogSize(body: string): number {
  if (!body.endsWith('\n')) throw malformed('size without line end');
  return parseSize(body.slice(0, -1));
}

/** The body of a 409: the size in decimal and a line feed. Throws FormatError for what is no size. SPEC: C2SP tlog-witness, add-checkpoint */
export function formatTlogSize(size: number): string {
  return `${parseSize(String(size))}\n`;
}
