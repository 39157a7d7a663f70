import type { FastifyReply, FastifyRequest } from 'fastify';

const METHODS = new Set(['GET', 'POST', 'HEAD']);
const HEADERS = ['accept', 'content-type', 'x-requested-with'];

/** Whether this is a preflight; then it has been answered. Otherwise the headers of an actual request are set. */
export function cors(request: FastifyRequest, reply: FastifyReply): boolean {
  if (request.method === 'OPTIONS' && (request.headers['access-control-request-method'] ?? '') !== '') {
    preflight(request, reply);
    return true;
  }
  reply.header('vary', 'Origin');
  const origin = request.headers.origin ?? '';
  if (origin !== '' && (METHODS.has(request.method) || request.method === 'OPTIONS'))
    reply.header('access-control-allow-origin', '*');
  return false;
}

/** SPEC: Fetch standard, CORS-preflight fetch. 204 in every case; the headers say whether it is allowed. */
function preflight(request: FastifyRequest, reply: FastifyReply): void {
  reply.code(204);
  reply.header('vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
  const { origin = '', 'access-control-request-method': method = '' } = request.headers;
  const wanted = request.headers['access-control-request-headers'];
  if (origin !== '' && (METHODS.has(method) || method === 'OPTIONS') && allowed(wanted)) {
    reply.header('access-control-allow-origin', '*');
    reply.header('access-control-allow-methods', method);
    if (wanted) reply.header('access-control-allow-headers', wanted);
  }
  reply.send();
}

/** A browser sends the names sorted, in lower case and once each; only that is understood. */
function allowed(wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  const parts = wanted.split(',', 64).map((part) => part.replace(/^[ \t]|[ \t]$/g, ''));
  const names = parts.filter((name) => name !== '');
  const positions = names.map((name) => HEADERS.indexOf(name));
  const rising = positions.every((position, at) => position >= 0 && (at === 0 || position > (positions[at - 1] ?? 0)));
  return rising && parts.length - names.length <= 16;
}
