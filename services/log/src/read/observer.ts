import type { Logger, Metrics } from '@sigstead/platform';
import type { DamagedRead } from './damaged.ts';
import type { ReadObserver } from './sources.ts';

/**
 * Tells the operator of what reading finds. `onDamage` is called for what contradicts the signed tree; what is missing may
 * only not have come yet, and is the scrub's to judge.
 */
export function readObserver(options: {
  log: string;
  logger: Logger;
  metrics: Metrics;
  onDamage: (detail: string) => void;
}): ReadObserver {
  const { log, logger, metrics, onDamage } = options;
  const loads = metrics.counter<'log' | 'from'>({
    name: 'sigstead_log_cold_reads_total',
    help: 'Tiles, bundles and entries that were not in memory, by where they were read',
    labelNames: ['log', 'from'],
  });
  const damage = metrics.counter<'log' | 'where'>({
    name: 'sigstead_log_damaged_reads_total',
    help: 'Reads that did not give what the signed tree holds, by where; must stay 0',
    labelNames: ['log', 'where'],
  });
  return {
    loaded: (from) => loads.inc({ log, from }),
    archiveDiffers(detail) {
      damage.inc({ log, where: 'archive' });
      logger.error({ detail }, 'the exported copy is not what the signed tree holds; the database was read instead');
    },
    damaged(error: DamagedRead) {
      damage.inc({ log, where: 'database' });
      logger.error({ detail: error.detail }, 'the database does not give what the signed tree holds');
      if (error.contradicts && error.detail !== undefined) onDamage(error.detail);
    },
  };
}
