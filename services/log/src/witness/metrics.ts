import { LATENCY_BUCKETS, type Metrics } from '@sigstead/platform';
import type { WitnessFailure } from '../core/witness/answer.ts';

/**
 * What a round comes to.
 *
 * - `quorum`     published with enough cosignatures
 * - `no_quorum`  the time was up; fail-open: published without
 * - `overtaken`  something newer was published, or signed, meanwhile
 * - `failed`     the database, or the log itself, failed
 */
export type RoundResult = 'quorum' | 'no_quorum' | 'overtaken' | 'failed';

/** What the operator sees of witnessing. */
export interface WitnessMetrics {
  round(result: RoundResult, seconds: number): void;
  /** One question, all its tries together. */
  asked(witness: string, result: 'cosigned' | 'overtaken' | WitnessFailure, seconds: number): void;
  /** How far what is shown is behind what is committed: entries, and seconds since it last was not. */
  lag(behind: { entries: number; seconds: number }): void;
  /** Size of the newest checkpoint that is shown. */
  shown(size: number): void;
  /** Whether this process is the one that asks. */
  active(isOurs: boolean): void;
  evidence(witness: string): void;
}

/** `witness` is a name from the operator's policy, so it stays of low cardinality. */
export function witnessMetrics(metrics: Metrics, log: string): WitnessMetrics {
  const labelNames = ['log'] as const;
  const rounds = metrics.histogram<'log' | 'result'>({
    name: 'sigstead_log_witness_round_seconds',
    help: 'Rounds of asking the witnesses about one checkpoint, by what came of them',
    labelNames: ['log', 'result'],
    buckets: LATENCY_BUCKETS,
  });
  const questions = metrics.counter<'log' | 'witness' | 'result'>({
    name: 'sigstead_log_witness_questions_total',
    help: 'Questions to each witness, by result: cosigned, overtaken, or why not',
    labelNames: ['log', 'witness', 'result'],
  });
  const seconds = metrics.histogram<'log' | 'witness'>({
    name: 'sigstead_log_witness_question_seconds',
    help: 'Time a witness took for one question, its tries together',
    labelNames: ['log', 'witness'],
    buckets: LATENCY_BUCKETS,
  });
  const entries = metrics.gauge<'log'>({
    name: 'sigstead_log_publication_lag_entries',
    help: 'Committed entries that the newest checkpoint shown does not cover yet',
    labelNames,
  });
  const behind = metrics.gauge<'log'>({
    name: 'sigstead_log_publication_lag_seconds',
    help: 'Time since the newest checkpoint shown was last the newest one there is; 0 when it is',
    labelNames,
  });
  const size = metrics.gauge<'log'>({
    name: 'sigstead_log_publication_size_entries',
    help: 'Tree size of the newest checkpoint shown',
    labelNames,
  });
  const active = metrics.gauge<'log'>({
    name: 'sigstead_log_witness_active',
    help: 'Whether this process is the one that asks the witnesses: 1 in one process of each log, 0 in the others',
    labelNames,
  });
  const evidence = metrics.counter<'log' | 'witness'>({
    name: 'sigstead_log_witness_evidence_total',
    help: 'Answers of a witness that contradict the log; must stay 0',
    labelNames: ['log', 'witness'],
  });
  return {
    round: (result, took) => rounds.observe({ log, result }, took),
    asked(witness, result, took) {
      questions.inc({ log, witness, result });
      seconds.observe({ log, witness }, took);
    },
    lag(lag) {
      entries.set({ log }, lag.entries);
      behind.set({ log }, lag.seconds);
    },
    shown: (shown) => size.set({ log }, shown),
    active: (isOurs) => active.set({ log }, isOurs ? 1 : 0),
    evidence: (witness) => evidence.inc({ log, witness }),
  };
}
