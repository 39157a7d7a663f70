import type { Metrics } from '@sigstead/platform';

/** What the operator sees of a CT log's roots. */
export interface RootMetrics {
  accepted(roots: number): void;
  read(source: string, outcome: 'ok' | 'failed'): void;
}

/** `source` is a configured name, so it stays of low cardinality. */
export function rootMetrics(metrics: Metrics, log: string): RootMetrics {
  const accepted = metrics.gauge<'log'>({
    name: 'sigstead_ct_accepted_roots',
    help: 'Certificates that submitted chains may lead to',
    labelNames: ['log'],
  });
  const reads = metrics.counter<'log' | 'source' | 'outcome'>({
    name: 'sigstead_ct_root_reads_total',
    help: 'Looks at the sources of accepted roots; one that failed leaves the roots as they were',
    labelNames: ['log', 'source', 'outcome'],
  });
  return {
    accepted: (roots) => accepted.set({ log }, roots),
    read: (source, outcome) => reads.inc({ log, source, outcome }),
  };
}
