import { LATENCY_BUCKETS, type Metrics } from '@sigstead/platform';
import type { FastifyInstance } from 'fastify';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** 256 bytes to 4 MiB. */
const SIZE_BUCKETS = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

export interface RekorV2Seen {
  /** So many submissions were turned away unread: they count as requests, and have no time and no size. */
  readonly refused: (count: number) => void;
}

/** The figures existing Rekor v2 dashboards read, for the routes of this plugin. */
export function observeRekorV2(app: FastifyInstance, metrics: Metrics): RekorV2Seen {
  const requests = metrics.counter<'code' | 'method'>({
    name: 'rekor_v2_http_requests_total',
    help: 'HTTP requests to the Rekor v2 API',
    labelNames: ['code', 'method'],
  });
  const latency = metrics.histogram<'code' | 'method'>({
    name: 'rekor_v2_http_api_latency',
    help: 'Seconds a request to the Rekor v2 API took',
    labelNames: ['code', 'method'],
    buckets: LATENCY_BUCKETS,
  });
  const sizes = metrics.histogram<'code' | 'method'>({
    name: 'rekor_v2_http_api_request_size',
    help: 'Bytes of the bodies sent to the Rekor v2 API',
    labelNames: ['code', 'method'],
    buckets: SIZE_BUCKETS,
  });
  app.addHook('onResponse', (request, reply, done) => {
    const labels = {
      code: String(reply.statusCode),
      method: METHODS.has(request.method) ? request.method : 'other',
    };
    requests.inc(labels);
    latency.observe(labels, reply.elapsedTime / 1000);
    sizes.observe(labels, request.bytes.length);
    done();
  });
  return {
    refused: (count) => requests.inc({ code: '503', method: 'POST' }, count),
  };
}
