import type { Counter, Histogram, Metrics } from '@sigstead/platform';

/** Names that upstream's dashboards and tests look for keep them; the rest is ours. */
export interface CaMetrics {
  readonly issued: Counter;
  readonly apiLatency: Histogram<'code' | 'method'>;
  readonly httpRequests: Counter<'code' | 'method'>;
  readonly refusals: Counter<'reason'>;
  readonly issuerFetches: Counter<'outcome'>;
}

export function caMetrics(metrics: Metrics, version: string): CaMetrics {
  metrics
    .gauge<'version'>({ name: 'fulcio_build_info', help: 'Always 1; the version that runs.', labelNames: ['version'] })
    .set({ version }, 1);
  return {
    issued: metrics.counter({ name: 'fulcio_new_certs', help: 'Certificates handed out.' }),
    apiLatency: metrics.histogram({
      name: 'fulcio_api_latency',
      help: 'Seconds to answer a request to the authority, by status and method (lower case).',
      labelNames: ['code', 'method'],
    }),
    httpRequests: metrics.counter({
      name: 'http_requests_total',
      help: 'Requests to the authority, by status and method (lower case).',
      labelNames: ['code', 'method'],
    }),
    refusals: metrics.counter({
      name: 'sigstead_ca_refusals_total',
      help: 'Requests for a certificate that were not fulfilled, by reason.',
      labelNames: ['reason'],
    }),
    issuerFetches: metrics.counter({
      name: 'sigstead_ca_issuer_fetches_total',
      help: 'Fetches of discovery documents and key sets, by outcome.',
      labelNames: ['outcome'],
    }),
  };
}
