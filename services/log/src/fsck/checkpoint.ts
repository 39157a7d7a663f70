import { type Checkpoint, parseSignedCheckpoint, verifyNote } from '@sigstead/formats';
import type { CheckpointKey } from './checkpoint-key.ts';
import type { TreeProblem, TreeReport } from './report.ts';
import { SourceError, type TreeSource } from './source.ts';

export const MAX_CHECKPOINT_BYTES = 64 * 1024;

export interface CheckpointRules {
  /** Verifies the signature; without it the checkpoint is taken as it is. */
  readonly key?: CheckpointKey;
  /** The origin line that is wanted; default: the name in the key, else any. */
  readonly origin?: string;
}

/** A checkpoint is there exactly when `problem` is not. */
export type ReadCheckpoint = { signature: TreeReport['signature'] } & (
  | { checkpoint: Checkpoint; bytes: number; problem?: undefined }
  | { checkpoint?: Checkpoint; problem: TreeProblem }
);

/**
 * Reads the checkpoint that everything else is compared with. One that does not verify is a problem and an end: its size
 * and root are anybody's words.
 */
export async function readCheckpoint(source: TreeSource, rules: CheckpointRules): Promise<ReadCheckpoint> {
  try {
    const bytes = await source.read('checkpoint', MAX_CHECKPOINT_BYTES);
    if (bytes === undefined) return bad('checkpoint', 'there is no checkpoint: no log, or not its root');
    return openCheckpoint(bytes, rules);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
    return bad(error.code === 'unreachable' ? 'unreachable' : 'checkpoint', error.message);
  }
}

/** What a note says, under the rules; a problem when it does not parse, verify, or is another log's. */
export function openCheckpoint(bytes: Uint8Array, rules: CheckpointRules): ReadCheckpoint {
  let read: ReturnType<typeof parseSignedCheckpoint>;
  try {
    read = parseSignedCheckpoint(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    return bad('checkpoint', `it is no signed checkpoint: ${textOf(error)}`);
  }
  const { checkpoint, note } = read;
  const wanted = rules.origin ?? rules.key?.name;
  if (wanted !== undefined && checkpoint.origin !== wanted) {
    return { ...bad('checkpoint', 'it is the checkpoint of another origin'), checkpoint };
  }
  if (rules.key === undefined) return { checkpoint, bytes: bytes.length, signature: 'not checked' };
  try {
    verifyNote(note, [rules.key.verifierFor(rules.key.name ?? checkpoint.origin)]);
    return { checkpoint, bytes: bytes.length, signature: 'verified' };
  } catch (error) {
    return { ...bad('signature', `its signature does not verify: ${textOf(error)}`, 'bad'), checkpoint };
  }
}

function bad(
  code: TreeProblem['code'],
  text: string,
  signature: TreeReport['signature'] = 'not checked',
): { signature: TreeReport['signature']; problem: TreeProblem } {
  return { signature, problem: { code, resource: 'checkpoint', text } };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
