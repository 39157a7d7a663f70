import type { Metrics } from '@sigstead/platform';
import type { EngineMetrics } from './engine/sequencer.ts';

/** 1 to 1024 entries. */
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** The engine's own figures; `log` is a configured name, so it stays of low cardinality. */
export function engineMetrics(metrics: Metrics, log: string): EngineMetrics {
  const entries = metrics.counter<'log'>({
    name: 'sigstead_log_entries_total',
    help: 'Entries stored and published',
    labelNames: ['log'],
  });
  const size = metrics.histogram<'log'>({
    name: 'sigstead_log_batch_entries',
    help: 'New entries per committed batch',
    labelNames: ['log'],
    buckets: BATCH_BUCKETS,
  });
  const seconds = metrics.histogram<'log'>({
    name: 'sigstead_log_batch_seconds',
    help: 'Time from the begin of a batch to its publication',
    labelNames: ['log'],
  });
  const depth = metrics.gauge<'log'>({
    name: 'sigstead_log_queue_entries',
    help: 'Submissions that wait for the next batch',
    labelNames: ['log'],
  });
  const failures = metrics.counter<'log' | 'reason'>({
    name: 'sigstead_log_batch_failures_total',
    help: 'Attempts at a batch that failed, by closed reason',
    labelNames: ['log', 'reason'],
  });
  const proofs = metrics.counter<'log'>({
    name: 'sigstead_log_proof_failures_total',
    help: 'Batches withheld because a proof did not verify; must stay 0',
    labelNames: ['log'],
  });
  // The name existing dashboards alert on.
  const upstreamProofs = metrics.counter({
    name: 'rekor_v2_inclusion_proof_failure_total',
    help: 'Inclusion proofs of our own that did not verify; must stay 0',
  });
  return {
    committed(batch) {
      if (batch.entries === 0) return;
      entries.inc({ log }, batch.entries);
      size.observe({ log }, batch.entries);
      seconds.observe({ log }, batch.seconds);
    },
    queueDepth: (waiting) => depth.set({ log }, waiting),
    proofFailed() {
      proofs.inc({ log });
      upstreamProofs.inc();
    },
    failed: (reason) => failures.inc({ log, reason }),
  };
}
