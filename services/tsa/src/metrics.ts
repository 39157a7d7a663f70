import type { Metrics } from '@sigstead/platform';
import type { OutageCode } from './core/errors.ts';
import type { RefusalCode } from './core/refusal.ts';

const METHODS = new Set(['GET', 'POST', 'HEAD', 'OPTIONS']);
const API_PATHS = new Set(['/ping', '/api/v1/timestamp', '/api/v1/timestamp/certchain']);
/** Ten buckets from 1 ms to 4 s, in nanoseconds, as upstream has them. */
const NANOSECOND_BUCKETS = Array.from({ length: 10 }, (_, i) => Math.round(1e6 * 4000 ** (i / 9)));
const DAY_MS = 86_400_000;

export interface AnswerFacts {
  path: string;
  method: string;
  status: number;
  elapsedMs: number;
}

/** What operators see. Names that upstream has keep upstream's meaning and unit. A client cannot choose a label. */
export interface TsaMetrics {
  answered(facts: AnswerFacts): void;
  issued(): void;
  refused(code: RefusalCode): void;
  outage(code: OutageCode): void;
  /** Time until the first certificate of the chain ends, and how far the clock is behind the last token. */
  state(facts: { remainingMs: number; clockBehindSec: number }): void;
}

export function createTsaMetrics(metrics: Metrics): TsaMetrics {
  const requests = metrics.counter<'code' | 'path' | 'method'>({
    name: 'timestamp_authority_http_requests_total',
    help: 'Total number of HTTP requests by status code, path, and method.',
    labelNames: ['code', 'path', 'method'],
  });
  const latency = metrics.histogram<'path' | 'code'>({
    name: 'timestamp_authority_api_latency',
    help: 'Time to answer, in nanoseconds, by path and status code.',
    labelNames: ['path', 'code'],
    buckets: NANOSECOND_BUCKETS,
  });
  const latencyByApi = metrics.histogram<'path' | 'method'>({
    name: 'timestamp_authority_latency_by_api',
    help: 'Time to answer, in nanoseconds, by path and method.',
    labelNames: ['path', 'method'],
    buckets: NANOSECOND_BUCKETS,
  });
  const days = metrics.gauge({
    name: 'timestamp_authority_certificate_valid_days_remaining',
    help: 'Days until the first certificate of the chain ends.',
  });
  const behind = metrics.gauge({
    name: 'sigstead_tsa_clock_behind_seconds',
    help: 'Seconds by which the clock is behind the last token beyond tolerance; above 0 nothing is issued.',
  });
  const tokens = metrics.counter({ name: 'sigstead_tsa_tokens_total', help: 'Timestamps issued.' });
  const refusals = metrics.counter<'reason'>({
    name: 'sigstead_tsa_refusals_total',
    help: 'Timestamp requests refused, by reason.',
    labelNames: ['reason'],
  });
  const outages = metrics.counter<'reason'>({
    name: 'sigstead_tsa_outages_total',
    help: 'Sound timestamp requests that got no timestamp, by reason.',
    labelNames: ['reason'],
  });

  return {
    answered(facts) {
      const path = API_PATHS.has(facts.path) ? facts.path : 'unrecognized';
      const method = METHODS.has(facts.method) ? facts.method : 'unrecognized';
      const code = String(facts.status);
      requests.inc({ code, path, method });
      latency.observe({ path, code }, facts.elapsedMs * 1e6);
      latencyByApi.observe({ path, method }, facts.elapsedMs * 1e6);
    },
    issued: () => tokens.inc(),
    refused: (reason) => refusals.inc({ reason }),
    outage: (reason) => outages.inc({ reason }),
    state({ remainingMs, clockBehindSec }) {
      days.set(remainingMs / DAY_MS);
      behind.set(clockBehindSec);
    },
  };
}
