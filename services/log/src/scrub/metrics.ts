import type { Metrics } from '@sigstead/platform';

/** What the operator sees of a scrub. */
export interface ScrubMetrics {
  at(log: string, entries: number): void;
  passed(log: string, pass: { endedMs: number; seconds: number }): void;
  failed(log: string, reason: 'contradiction' | 'unavailable'): void;
}

export function scrubMetrics(metrics: Metrics): ScrubMetrics {
  const position = metrics.gauge<'log'>({
    name: 'sigstead_log_scrub_position_entries',
    help: 'Entries that the running pass of the scrub has derived again',
    labelNames: ['log'],
  });
  const last = metrics.gauge<'log'>({
    name: 'sigstead_log_scrub_last_pass_timestamp_seconds',
    help: 'When a whole pass last ended without a finding; of one of the processes that serve the log',
    labelNames: ['log'],
  });
  const duration = metrics.gauge<'log'>({
    name: 'sigstead_log_scrub_last_pass_seconds',
    help: 'How long that pass took',
    labelNames: ['log'],
  });
  const errors = metrics.counter<'log' | 'reason'>({
    name: 'sigstead_log_scrub_errors_total',
    help: 'Passes that ended early: the store contradicts the signed tree (must stay 0), or could not be read',
    labelNames: ['log', 'reason'],
  });
  return {
    at: (log, entries) => position.set({ log }, entries),
    passed(log, { endedMs, seconds }) {
      last.set({ log }, endedMs / 1000);
      duration.set({ log }, seconds);
    },
    failed: (log, reason) => errors.inc({ log, reason }),
  };
}
