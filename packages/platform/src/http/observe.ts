import type { FastifyInstance } from 'fastify';
import { ServiceError, grpcStatus } from '../errors.ts';
import { requestFault } from './request-fault.ts';
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

  app.addHook('onResponse', (request, reply, done) => {
    const method = METHOD_LABELS.has(request.method) ? request.method : 'other';
    const route = request.routeOptions.url ?? 'unknown';
    requests.inc({ method, route, status: String(reply.statusCode) });
    seconds.observe({ method, route }, reply.elapsedTime / 1000);
    logger.debug({ method, route, status: reply.statusCode, durationMs: reply.elapsedTime }, 'request answered');
    done();
  });

  app.addHook('onError', (request, _reply, error, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    if (isOurFault(error)) logger.error({ route, error }, 'request failed');
    else logger.debug({ route, error }, 'request refused');
    done();
  });
}

function isOurFault(error: unknown): boolean {
  if (requestFault(error) !== undefined) return false;
  if (error instanceof ServiceError) return error.code !== 'deadline' && grpcStatus(error.code).http >= 500;
  const { statusCode } = error as { statusCode?: unknown };
  return typeof statusCode !== 'number' || statusCode >= 500;
}
