import type { FastifyReply, FastifyRequest } from 'fastify';

/** What browsers may do from any origin; `Authorization` is not among it, so they send the token in the body. */
const METHODS = new Set(['GET', 'POST', 'HEAD']);
const HEADERS = new Set(['accept', 'content-type', 'x-requested-with']);

/**
 * Sets the headers of cross-origin requests; true when the request was a preflight and has been answered.
 * SPEC: Fetch standard §3.2
 */
export function answerCors(request: FastifyRequest, reply: FastifyReply): boolean {
  const origin = one(request.headers.origin);
  const wanted = one(request.headers['access-control-request-method']);
  if (request.method === 'OPTIONS' && wanted !== undefined) {
    reply.header('vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
    const headers = one(request.headers['access-control-request-headers']) ?? '';
    if (origin !== undefined && METHODS.has(wanted) && areAllowed(headers)) {
      reply.header('access-control-allow-origin', '*').header('access-control-allow-methods', wanted);
      if (headers !== '') reply.header('access-control-allow-headers', headers);
    }
    reply.code(204).send();
    return true;
  }
  reply.header('vary', 'Origin');
  if (origin !== undefined && METHODS.has(request.method)) reply.header('access-control-allow-origin', '*');
  return false;
}

/** Browsers send the names in lower case, sorted, without spaces; another form is not a browser's. */
function areAllowed(headers: string): boolean {
  const names = headers === '' ? [] : headers.split(',');
  return names.length <= HEADERS.size && names.every((name) => HEADERS.has(name));
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
