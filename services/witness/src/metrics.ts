import type { Metrics } from '@sigstead/platform';
import type { OutageCode, RefusalCode } from './core/errors.ts';

export type Outcome = 'cosigned' | RefusalCode | OutageCode;

/** What operators see. Label values come from the configuration and closed sets: no client can make one. */
export interface WitnessMetrics {
  /** `log`: a configured origin; left out where the request names none. */
  answered(outcome: Outcome, log?: string): void;
  state(log: string, facts: { size: number; timestampSec: number }): void;
  halted(log: string, isHalted: boolean): void;
  forked(log: string): void;
  /** Call the result when it is saved. */
  saving(): () => void;
}

/** Registers them all: once for each registry. */
export function createWitnessMetrics(metrics: Metrics): WitnessMetrics {
  const requests = metrics.counter<'log' | 'outcome'>({
    name: 'sigstead_witness_requests_total',
    help: 'Requests for a cosignature, by log (unknown for others) and outcome.',
    labelNames: ['log', 'outcome'],
  });
  const size = metrics.gauge<'log'>({
    name: 'sigstead_witness_size',
    help: 'Tree size of the latest checkpoint that was cosigned.',
    labelNames: ['log'],
  });
  const time = metrics.gauge<'log'>({
    name: 'sigstead_witness_cosigned_timestamp_seconds',
    help: 'Time of the latest cosignature, seconds since 1970.',
    labelNames: ['log'],
  });
  const halted = metrics.gauge<'log'>({
    name: 'sigstead_witness_halted',
    help: '1 when nothing is cosigned for this log because its state contradicts itself.',
    labelNames: ['log'],
  });
  const forks = metrics.counter<'log'>({
    name: 'sigstead_witness_forks_total',
    help: 'Checkpoints that their log has signed and that contradict one that was cosigned: the log has forked.',
    labelNames: ['log'],
  });
  const saves = metrics.histogram({
    name: 'sigstead_witness_save_seconds',
    help: 'Time to make a checkpoint durable before its cosignature is shown.',
  });
  return {
    answered: (outcome, log = 'unknown') => requests.inc({ log, outcome }),
    state(log, facts) {
      size.set({ log }, facts.size);
      time.set({ log }, facts.timestampSec);
    },
    halted: (log, isHalted) => halted.set({ log }, isHalted ? 1 : 0),
    forked: (log) => forks.inc({ log }),
    saving: () => saves.startTimer(),
  };
}
