import type { Metrics } from '@sigstead/platform';
import type { LogErrorCode } from '../core/errors.ts';

export interface EntryMetrics {
  /** One submission, or so many, came to an end: as a new entry, as one that was there before, or as an error. */
  submission(outcome: 'added' | 'duplicate' | LogErrorCode, count?: number): void;
}

/** What became of submissions, over all transports. `log` is a configured name, `outcome` a closed list. */
export function entryMetrics(metrics: Metrics, log: string): EntryMetrics {
  const submissions = metrics.counter<'log' | 'outcome'>({
    name: 'sigstead_log_submissions_total',
    help: 'Submitted entries by what became of them: added, duplicate, or the reason of the refusal',
    labelNames: ['log', 'outcome'],
  });
  // The name existing dashboards read.
  const added = metrics.counter({
    name: 'rekor_v2_new_hashedrekord_entries',
    help: 'New hashedrekord entries in the log',
  });
  return {
    submission(outcome, count = 1) {
      submissions.inc({ log, outcome }, count);
      if (outcome === 'added') added.inc(count);
    },
  };
}
