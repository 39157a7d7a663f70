import type { FastifyInstance } from 'fastify';
import type { HttpServerOptions } from './types.ts';

const METHOD_LABELS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/** Counts and times every answer by route pattern; logs what failed on our side. A client cannot choose a label. */
export function observe(
  app: FastifyInstance,
  { logger, metrics }: Pick<HttpServerOptions, 'logger' | 'metrics'>,
): void {
  const requests = metrics.counter<'method' | 'route' | 'status'>({
    name: 'sigstead_http_requests_total',
    help: 'HTTP requests answered, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
  });
  const seconds = metrics.histogram<'method' | 'route'>({
    name: 'sigstead_http_request_duration_seconds',
    help: 'Time from the end of the request head to the end of the answer.',
    labelNames: ['method', 'route'],
  });

  const errors = new WeakMap<object, unknown>();

  app.addHook('onError', (request, _reply, error, done) => {
    errors.set(request.raw, error);
    done();
  });

  app.addHook('onResponse', (request, reply, done) => {
    const method = METHOD_LABELS.has(request.method) ? request.method : 'other';
    const route = request.routeOptions.url ?? 'unknown';
    const status = reply.statusCode;
    requests.inc({ method, route, status: String(status) });
    seconds.observe({ method, route }, reply.elapsedTime / 1000);
    const error = errors.get(request.raw);
    if (error !== undefined && isOurFault(status)) logger.error({ route, status, error }, 'request failed');
    else logger.debug({ method, route, status, durationMs: reply.elapsedTime, error }, 'request answered');
    done();
  });
}

/**
 * Judged by the answer: what an error means is the business of the service that answers it. A method that is not there
 * (501) and a deadline that the client has set (504) are no faults of ours.
 */
function isOurFault(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 504;
}
