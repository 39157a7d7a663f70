import {
  decodeCosignature,
  FormatError,
  type NoteVerifier,
  parseCosignatureAnswer,
  parseTlogSize,
  signatureLine,
  TLOG_SIZE_TYPE,
} from '@sigstead/formats';

/**
 * Why a witness gave no cosignature. The set is closed; it labels metrics.
 *
 * - `unreachable`    no connection, or it broke
 * - `timeout`        no whole answer in time
 * - `redirect`       it points elsewhere; that is not followed
 * - `too_large`      the answer is longer than any there should be
 * - `server_error`   it is overloaded or broken
 * - `unknown_log`    it does not know the log's origin
 * - `log_key`        it knows the origin with another key
 * - `refused`        any other refusal
 * - `malformed`      the answer is not what the protocol has
 * - `unsigned`       nothing in the answer is of the key in the policy
 * - `bad_signature`  that key's cosignature does not verify over the very note
 * - `bad_time`       it verifies, but for a time that cannot be
 * - `ahead`          it says that it has seen a larger tree than there is
 * - `contradicts`    it says that what it has seen is not in this tree
 * - `no_proof`       it was not asked: this log could not make the proof for it
 */
export type WitnessFailure =
  | 'unreachable'
  | 'timeout'
  | 'redirect'
  | 'too_large'
  | 'server_error'
  | 'unknown_log'
  | 'log_key'
  | 'refused'
  | 'malformed'
  | 'unsigned'
  | 'bad_signature'
  | 'bad_time'
  | 'ahead'
  | 'contradicts'
  | 'no_proof';

/** What was asked. */
export interface Question {
  /** Size that the witness was said to have seen last, proven to lead to the checkpoint. */
  oldSize: number;
  /** The checkpoint's. */
  size: number;
  /** The note's text: what is cosigned. */
  text: string;
  /** Of the witness's key. */
  verifier: NoteVerifier;
  /** When the log signed the note, and now; ms. */
  signedMs: number;
  nowMs: number;
}

export interface WitnessAnswer {
  status: number;
  contentType: string | null;
  body: Uint8Array;
}

/**
 * `knows`: it cosigned that size last; ask again with a proof from there. `ahead`: it says that it has seen that size, which
 * is larger. `again`: the same question may fare better soon.
 */
export type Verdict =
  | { kind: 'cosigned'; line: string }
  | { kind: 'knows'; size: number }
  | { kind: 'ahead'; size: number }
  | { kind: 'failed'; reason: WitnessFailure; again: boolean; detail: string };

/** How far the clock of a witness may differ from ours, in ms. */
const MAX_SKEW_MS = 300_000;

/** Reads the answer of a witness. Everything in it is whoever answers at that address's; nothing of it is taken on trust. */
export function judgeAnswer(answer: WitnessAnswer, question: Question): Verdict {
  const { status } = answer;
  if (status === 200) return judgeCosignatures(answer, question);
  if (status === 409) return judgeConflict(answer, question);
  if (status === 422) return judgeRefusedProof(question);
  if (status === 404) return failed('unknown_log', 'it does not know this log');
  if (status === 403) return failed('log_key', 'it does not accept the key of this log');
  if (status >= 300 && status < 400) return failed('redirect', `it points elsewhere (${status})`);
  if (status >= 500 || status === 429 || status === 408) return failed('server_error', `it answered ${status}`, true);
  return failed('refused', `it answered ${status}`);
}

/** SPEC: C2SP tlog-witness, add-checkpoint: one or more lines; those of unknown keys are ignored */
function judgeCosignatures({ body }: WitnessAnswer, question: Question): Verdict {
  const { verifier, text } = question;
  try {
    const lines = parseCosignatureAnswer(utf8(body));
    const own = lines.find(
      ({ name, keyHash }) => name === verifier.name && Buffer.compare(keyHash, verifier.keyHash) === 0,
    );
    if (own === undefined) return failed('unsigned', 'its answer holds no cosignature of the key in the policy');
    if (!verifier.verify(text, own.signature)) return failed('bad_signature', 'its cosignature does not verify');
    const late = judgeTime(decodeCosignature(own.signature).timestampSec * 1000, question);
    if (late !== undefined) return failed('bad_time', late);
    return { kind: 'cosigned', line: signatureLine(own.name, own.keyHash, own.signature) };
  } catch (error) {
    return malformed(error);
  }
}

/**
 * A checkpoint cannot have been seen before it was signed, or in the time to come. The times of heads never go back: those of
 * a log whose clock was ahead once are in the time to come, too. SPEC: C2SP tlog-cosignature, "Format"
 */
function judgeTime(atMs: number, { signedMs, nowMs }: Question): string | undefined {
  if (atMs > nowMs + MAX_SKEW_MS) return 'its cosignature is of the time to come';
  return atMs < Math.min(signedMs, nowMs) - MAX_SKEW_MS ? 'its cosignature is older than the checkpoint' : undefined;
}

/** With the size it is only another state than we thought; without, or with the very size that was asked for, it contradicts. */
function judgeConflict({ body, contentType }: WitnessAnswer, { oldSize, size }: Question): Verdict {
  if (contentType?.split(';')[0]?.trim().toLowerCase() !== TLOG_SIZE_TYPE) return judgeOtherRoot(oldSize, size);
  try {
    const text = utf8(body);
    const known = parseTlogSize(text.endsWith('\n') ? text : `${text}\n`);
    if (known === oldSize) return judgeOtherRoot(oldSize, size);
    return { kind: known > size ? 'ahead' : 'knows', size: known };
  } catch (error) {
    return malformed(error);
  }
}

function judgeOtherRoot(oldSize: number, size: number): Verdict {
  if (oldSize === size && size > 0) return failed('contradicts', `it says it has seen another tree of ${size} entries`);
  return failed('malformed', 'it refuses a size, and names no other');
}

/** The proof was verified before it was sent: one that does not fit means that it knows another tree. From nothing there is none. */
function judgeRefusedProof({ oldSize, size }: Question): Verdict {
  if (oldSize === 0) return failed('refused', 'it refuses a checkpoint that it has nothing to compare with');
  return failed(
    'contradicts',
    `it says that the tree of ${oldSize} entries it has seen does not lead to that of ${size}`,
  );
}

function failed(reason: WitnessFailure, detail: string, again = false): Verdict {
  return { kind: 'failed', reason, detail, again };
}

function malformed(error: unknown): Verdict {
  if (!(error instanceof FormatError)) throw error;
  return failed('malformed', `its answer cannot be read: ${error.message}`);
}

function utf8(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new FormatError('add_checkpoint_malformed', 'not UTF-8');
  }
}
