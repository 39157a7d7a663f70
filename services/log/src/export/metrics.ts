import type { Metrics } from '@sigstead/platform';
import type { ExportAlarmCode } from './alarm.ts';

/** What the operator sees of an export. */
export interface ExportMetrics {
  /** How far the target is behind what is published: entries, and seconds since it last was not. */
  lag(behind: { entries: number; seconds: number }): void;
  /** Size of the checkpoint that the target is known to show. */
  exported(size: number): void;
  /** Whether this process is the one that exports. */
  active(isOurs: boolean): void;
  object(result: 'created' | 'same'): void;
  /** Superseded partial tiles and bundles that were removed. */
  removed(objects: number): void;
  /** An attempt that will be repeated. */
  failed(): void;
  alarm(code: ExportAlarmCode): void;
}

export function exportMetrics(metrics: Metrics, log: string): ExportMetrics {
  const labelNames = ['log'] as const;
  const entries = metrics.gauge<'log'>({
    name: 'sigstead_log_export_lag_entries',
    help: 'Published entries that the exported checkpoint does not cover yet',
    labelNames,
  });
  const seconds = metrics.gauge<'log'>({
    name: 'sigstead_log_export_lag_seconds',
    help: 'Time since the exported checkpoint was last the published one; 0 when it is',
    labelNames,
  });
  const size = metrics.gauge<'log'>({
    name: 'sigstead_log_export_size_entries',
    help: 'Tree size of the exported checkpoint',
    labelNames,
  });
  const active = metrics.gauge<'log'>({
    name: 'sigstead_log_export_active',
    help: 'Whether this process is the one that exports: 1 in one process of each log and target, 0 in the others',
    labelNames,
  });
  const removed = metrics.counter<'log'>({
    name: 'sigstead_log_export_superseded_removed_total',
    help: 'Partial tiles and bundles removed from the export because their full form is there',
    labelNames,
  });
  const objects = metrics.counter<'log' | 'result'>({
    name: 'sigstead_log_export_objects_total',
    help: 'Tiles and bundles written to the export, or found there with the same bytes',
    labelNames: ['log', 'result'],
  });
  const failures = metrics.counter<'log'>({
    name: 'sigstead_log_export_failures_total',
    help: 'Attempts at an export that failed and are repeated',
    labelNames,
  });
  const alarms = metrics.counter<'log' | 'reason'>({
    name: 'sigstead_log_export_alarms_total',
    help: 'Exports that stopped for good, by closed reason; must stay 0',
    labelNames: ['log', 'reason'],
  });
  return {
    lag(behind) {
      entries.set({ log }, behind.entries);
      seconds.set({ log }, behind.seconds);
    },
    exported: (exportedSize) => size.set({ log }, exportedSize),
    active: (isOurs) => active.set({ log }, isOurs ? 1 : 0),
    removed: (count) => removed.inc({ log }, count),
    object: (result) => objects.inc({ log, result }),
    failed: () => failures.inc({ log }),
    alarm: (reason) => alarms.inc({ log, reason }),
  };
}
