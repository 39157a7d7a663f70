import { grpcNotFound, type Logger, requestFault, type Routes } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Outage } from '../core/errors.ts';
import type { Issue } from '../core/issuer.ts';
import { Refusal } from '../core/refusal.ts';
import { judge, type RequestPolicy } from '../core/request.ts';
import { parseDerRequest } from '../core/request-der.ts';
import { parseJsonRequest } from '../core/request-json.ts';
import type { TsaMetrics } from '../metrics.ts';
import { negotiate } from './accept.ts';
import { frameworkError, handlerError, noCache, outageStatus, refusalText, REPLY_TYPE, send } from './answers.ts';
import { type BodyFormat, bodyFormat, contentTypeFault } from './content-type.ts';
import { cors } from './cors.ts';
import { DOCS_HTML, SPEC_JSON } from './docs.ts';
import { CERTCHAIN_PATH, cleanPath, DOCS_PATH, escapedPath, PING_PATH, SPEC_PATH, TIMESTAMP_PATH } from './paths.ts';

/** Bytes of a request body. */
export const MAX_BODY_BYTES = 1024 * 1024;

const CONSUMES = ['application/timestamp-query', 'application/json'];
const CHAIN_TYPE = 'application/pem-certificate-chain';
const JSON_TYPE = 'application/json';

export interface RouteParts {
  issue: Issue;
  policy: RequestPolicy;
  /** PEM, leaf first. */
  chainPem: string;
  logger: Logger;
  metrics: TsaMetrics;
  /** Answer 201 in place of 200. */
  useHttp201: boolean;
  ping: boolean;
  docs: boolean;
  /** `go-openapi`: every path this service does not have is answered in upstream's words; it must be alone on its port. */
  notFound: 'go-openapi' | undefined;
}

type Serve = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>;

/** The routes of the timestamp authority, as one plugin. */
export function createRoutes(parts: RouteParts): Routes {
  return async (app: FastifyInstance) => {
    const serve = createServe(parts);
    const paths = [
      TIMESTAMP_PATH,
      CERTCHAIN_PATH,
      ...(parts.ping ? [PING_PATH] : []),
      ...(parts.docs ? [DOCS_PATH, SPEC_PATH] : []),
      ...(parts.notFound ? ['/', '/*'] : []),
    ];
    for (const path of paths) app.all(path, { bodyLimit: MAX_BODY_BYTES }, serve);
    app.setErrorHandler((error, request, reply) => failed(parts, error, request, reply));
    app.addHook('onResponse', (request, reply, done) => {
      const path = routeOf(parts, request) ?? 'unrecognized';
      parts.metrics.answered({ path, method: request.method, status: reply.statusCode, elapsedMs: reply.elapsedTime });
      done();
    });
    await Promise.resolve();
  };
}

function createServe(parts: RouteParts): Serve {
  return (request, reply) => {
    if (cors(request, reply)) return reply;
    switch (routeOf(parts, request)) {
      case PING_PATH:
        return send(reply, 200, 'text/plain', '.');
      case SPEC_PATH:
        return send(reply, 200, JSON_TYPE, SPEC_JSON);
      case DOCS_PATH:
        return send(reply, 200, 'text/html; charset=utf-8', DOCS_HTML);
      case TIMESTAMP_PATH:
        return request.method === 'POST' ? timestamp(parts, request, reply) : wrongMethod(request, reply, 'POST');
      case CERTCHAIN_PATH:
        return request.method === 'GET' ? certchain(parts, request, reply) : wrongMethod(request, reply, 'GET');
      case undefined:
        return notFound(parts, request, reply);
    }
  };
}

type RoutePath = typeof PING_PATH | typeof SPEC_PATH | typeof DOCS_PATH | typeof TIMESTAMP_PATH | typeof CERTCHAIN_PATH;

/**
 * Which of our paths a request is for. The API is matched on the path as sent, so an escaped letter is another path;
 * `/ping` on the decoded one, in any case of letters, for GET and HEAD only.
 */
function routeOf(parts: RouteParts, request: FastifyRequest): RoutePath | undefined {
  const { sentPath } = request;
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (parts.ping && reads && sentPath.toLowerCase() === PING_PATH) return PING_PATH;
  const decoded = cleanPath(sentPath);
  if (parts.docs && (decoded === SPEC_PATH || decoded === DOCS_PATH)) return decoded;
  const sent = cleanPath(escapedPath(request.originalUrl));
  return sent === TIMESTAMP_PATH || sent === CERTCHAIN_PATH ? sent : undefined;
}

function notFound(parts: RouteParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (parts.notFound === undefined) return grpcNotFound(reply);
  return frameworkError(reply, 404, `path ${escapedPath(request.originalUrl)} was not found`);
}

function wrongMethod(request: FastifyRequest, reply: FastifyReply, allowed: string): FastifyReply {
  reply.header('allow', allowed);
  return frameworkError(reply, 405, `method ${request.method} is not allowed, but [${allowed}] are`);
}

async function timestamp(parts: RouteParts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  noCache(reply);
  const refused = refuseEarly(request, reply, request.bytes.length > 0);
  if (refused) return refused;
  const format = bodyFormat(request.sentContentType);
  if (format === 'not_application') return handlerError(reply, 415);
  let response: Uint8Array;
  try {
    response = await issue(parts, request.bytes, format);
  } catch (error) {
    return notIssued(parts, error, reply);
  }
  return send(reply, parts.useHttp201 ? 201 : 200, REPLY_TYPE, response);
}

async function issue(parts: RouteParts, body: Uint8Array, format: BodyFormat): Promise<Uint8Array> {
  if (format !== 'der' && format !== 'json') throw new Refusal('malformed', 'content type with parameters or capitals');
  const parsed = format === 'der' ? parseDerRequest(body) : parseJsonRequest(body);
  const response = await parts.issue(judge(parsed, parts.policy));
  parts.metrics.issued();
  return response;
}

/**
 * What upstream's framework looks at before the handler: media type of the body, Accept, presence of a body. Where
 * upstream goes on with an Accept that it cannot serve and ends in a 500, we answer 406.
 */
function refuseEarly(request: FastifyRequest, reply: FastifyReply, hasBody: boolean): FastifyReply | undefined {
  const fault = hasBody ? contentTypeFault(request.sentContentType, CONSUMES) : undefined;
  if (fault) return frameworkError(reply, fault.status, fault.message);
  const offers = [REPLY_TYPE, JSON_TYPE];
  const chosen = negotiate(request.headers.accept, offers);
  if (!hasBody && chosen === undefined) return notAcceptable(reply, offers);
  if (!hasBody) return frameworkError(reply, 422, 'request in body is required', 602);
  return chosen === REPLY_TYPE ? undefined : notAcceptable(reply, [REPLY_TYPE]);
}

function certchain(parts: RouteParts, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const announced = Number(request.headers['content-length'] ?? 0) > 0 || request.headers['transfer-encoding'];
  const fault = announced ? contentTypeFault(request.sentContentType, [JSON_TYPE]) : undefined;
  if (fault) return frameworkError(reply, fault.status, fault.message);
  const offers = [CHAIN_TYPE, JSON_TYPE];
  const chosen = negotiate(request.headers.accept, offers);
  if (chosen === undefined) return notAcceptable(reply, offers);
  if (chosen !== CHAIN_TYPE) return notAcceptable(reply, [CHAIN_TYPE]);
  reply.header('cache-control', 'max-age=86400, immutable');
  return send(reply, 200, CHAIN_TYPE, parts.chainPem);
}

function notAcceptable(reply: FastifyReply, offers: readonly string[]): FastifyReply {
  return frameworkError(reply, 406, `unsupported media type requested, only [${offers.join(' ')}] are available`);
}

function notIssued(parts: RouteParts, error: unknown, reply: FastifyReply): FastifyReply {
  if (error instanceof Refusal) {
    parts.metrics.refused(error.code);
    parts.logger.debug({ code: error.code, detail: error.detail }, 'timestamp request refused');
    return handlerError(reply, 400, refusalText(error.code));
  }
  if (!(error instanceof Outage)) throw error;
  parts.metrics.outage(error.code);
  parts.logger.error({ code: error.code, detail: error.detail, error: error.cause }, 'no timestamp could be issued');
  return handlerError(reply, outageStatus(error.code));
}

/** A body that never came whole, or a fault of ours: the client gets upstream's generic text, never more. */
function failed(parts: RouteParts, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (requestFault(error) === undefined) {
    parts.logger.error({ error }, 'request failed');
    return handlerError(reply, 500);
  }
  if (cors(request, reply)) return reply;
  const route = routeOf(parts, request);
  if (route === CERTCHAIN_PATH) return wrongMethod(request, reply, 'GET');
  if (route !== TIMESTAMP_PATH) return notFound(parts, request, reply);
  if (request.method !== 'POST') return wrongMethod(request, reply, 'POST');
  noCache(reply);
  return (
    refuseEarly(request, reply, true) ??
    handlerError(reply, bodyFormat(request.sentContentType) === 'not_application' ? 415 : 400)
  );
}
