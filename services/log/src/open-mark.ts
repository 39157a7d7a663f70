import type { Clock } from '@sigstead/platform';
import type { MarkStore } from './core/ports.ts';
import type { S3Patience, S3Place } from './export/s3-requests.ts';
import { openS3Store } from './export/s3-store.ts';
import { type FileMark, fileMark } from './mark/file-mark.ts';
import { bothMarks, s3Mark } from './mark/s3-mark.ts';
import { waitFor } from './wait.ts';

/** Answers wait for it, so it says soon that it cannot. */
const PATIENCE: S3Patience = { connectMs: 2_000, answerMs: 3_000, pausesMs: [100] };

export interface OpenMark {
  /** Undefined: the log keeps no mark. */
  store: MarkStore | undefined;
  file: FileMark | undefined;
  /** Ends what is under way. */
  close(): void;
}

/** The mark of one log: in a file, in an object named `mark-<log>`, or in both. `key` names the log's key. */
export function openMark(
  spec: { name: string; markFile?: string; markPlace?: S3Place },
  options: { key: string; clock: Clock },
): OpenMark {
  const { key, clock } = options;
  const ended = new AbortController();
  const file = spec.markFile === undefined ? undefined : fileMark({ file: spec.markFile, key });
  const { markPlace } = spec;
  const remote =
    markPlace === undefined
      ? undefined
      : s3Mark({
          name: `mark-${spec.name}`,
          key,
          open: () =>
            openS3Store(markPlace, {
              pause: (ms) => waitFor(ms, ended.signal),
              ended: ended.signal,
              nowMs: () => clock.nowMs(),
              patience: PATIENCE,
            }),
        });
  const store = file === undefined || remote === undefined ? (file ?? remote) : bothMarks(file, remote);
  return { store, file, close: () => ended.abort() };
}
