import type { FsckProgress } from '@sigstead/log';

const EVERY_MS = 1000;

/** A line on stderr about every second: entries done and in all, and how many a second since the start. */
export function progressLines(io: { writeError: (text: string) => void; nowMs: () => number }): {
  at: (progress: FsckProgress, log?: string) => void;
} {
  const started = io.nowMs();
  let said = started;
  /** Entries of logs that are done with, so that the rate is that of the whole run. */
  let before = 0;
  let last: { log: string | undefined; entries: number } = { log: undefined, entries: 0 };
  return {
    at({ entries, total }, log) {
      if (log !== last.log) before += last.entries;
      last = { log, entries };
      const now = io.nowMs();
      if (now - said < EVERY_MS) return;
      said = now;
      const rate = Math.round(((before + entries) * 1000) / (now - started));
      const name = log === undefined ? '' : `log ${log}: `;
      const share = Math.floor((entries / total) * 100);
      io.writeError(`${name}${entries} of ${total} entries (${share} %), ${rate} a second\n`);
    },
  };
}
