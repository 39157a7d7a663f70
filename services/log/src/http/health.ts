import { grpcWrongMethod, methodTable, sendJson } from '@sigstead/platform';
import type { FastifyInstance } from 'fastify';

const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/** `/healthz` as the upstream gateway answers it; a POST of a form counts as a GET there. */
export function registerHealth(app: FastifyInstance): void {
  methodTable(app, '/healthz', {
    GET: (_request, reply) => sendJson(reply, 200, { status: 'SERVING' }),
    POST: (request, reply) =>
      FORM.test(request.sentContentType ?? '') ? sendJson(reply, 200, { status: 'SERVING' }) : grpcWrongMethod(reply),
  });
}
