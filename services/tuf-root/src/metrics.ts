import type { Metrics } from '@sigstead/platform';
import { ROLES } from './core/metadata.ts';
import type { TufMetrics } from './core/ports.ts';
import { expiresMs } from './core/published.ts';

/** Gauges and counters behind the port, in the registry of the process. */
export function tufMetrics(metrics: Metrics): TufMetrics {
  const version = metrics.gauge({
    name: 'sigstead_tuf_version',
    help: 'Published version of a role',
    labelNames: ['role'],
  });
  const expiry = metrics.gauge({
    name: 'sigstead_tuf_expiry_timestamp_seconds',
    help: 'When the published metadata of a role expires, in seconds since 1970',
    labelNames: ['role'],
  });
  const renewals = metrics.counter({
    name: 'sigstead_tuf_signed_total',
    help: 'Versions signed by this process',
    labelNames: ['role'],
  });
  const overdue = metrics.gauge({
    name: 'sigstead_tuf_signer_missing',
    help: '1 while a role is due and its signers are not here',
    labelNames: ['role'],
  });
  const failures = metrics.counter({ name: 'sigstead_tuf_publish_failures_total', help: 'Publications that failed' });
  const failing = metrics.gauge({ name: 'sigstead_tuf_renewal_failing', help: '1 while renewal does not work' });
  const skew = metrics.gauge({ name: 'sigstead_tuf_clock_skew_seconds', help: "Our clock minus the database's" });
  return {
    published(metadata) {
      for (const role of ROLES) {
        version.set({ role }, metadata[role].version);
        expiry.set({ role }, expiresMs(metadata[role]) / 1000);
      }
    },
    renewed: (roles) => roles.forEach((role) => renewals.inc({ role })),
    overdue: (roles) => ROLES.forEach((role) => overdue.set({ role }, roles.includes(role) ? 1 : 0)),
    failed: () => failures.inc(),
    failing: (is) => failing.set(is ? 1 : 0),
    clockSkew: (seconds) => skew.set(seconds),
  };
}
