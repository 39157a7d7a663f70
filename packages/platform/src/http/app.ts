import { METHODS } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.ts';
import { Gates } from './gate.ts';
import { lingerAfterAnswer } from './linger.ts';
import { observe } from './observe.ts';
import { grpcError, grpcNotFound, sendServiceError } from './reply.ts';
import { requestFault } from './request-fault.ts';
import { cleanPath, parseTarget, routedForm } from './target.ts';
import type { HttpServerOptions } from './types.ts';

/** What the framework gives to serve requests with. */
export type AppListener = (request: IncomingMessage, response: ServerResponse) => void;

const MIB = 2 ** 20;
const NO_BYTES = Buffer.alloc(0);
/** Decodes to no path at all, so that the router reports a bad URL. */
const BAD_TARGET = '/%';

interface Sent {
  contentType: string | undefined;
  path: string;
  query: string;
}

const SENT = Symbol('sent');

/** With what was taken off it before the framework saw it. */
type Taken = IncomingMessage & { [SENT]?: Sent };

/** The framework's instance with our rules for targets, content types, bodies and errors; it opens no listener. */
export function createApp(
  options: HttpServerOptions,
  serverFactory: (handler: AppListener) => Server,
): FastifyInstance {
  const app = fastify({
    logger: false,
    serverFactory,
    bodyLimit: options.bodyLimit ?? 4 * MIB,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    requestIdHeader: false,
    rewriteUrl: (raw) => takeOver(raw, options.cleanPaths ?? []),
    // Longer than any head may be: a long parameter is the handler's business.
    routerOptions: { maxParamLength: 2 * MIB },
    frameworkErrors: (_error, _request, reply) => {
      badTarget(reply);
    },
  });
  acceptEveryMethod(app);
  acceptEveryBody(app);
  decorate(app);
  observe(app, options);
  app.setNotFoundHandler((_request, reply) => grpcNotFound(reply));
  app.setErrorHandler((error: FastifyError, request, reply) => defaultError(error, request, reply));
  return app;
}

/** Runs before routing: moves the content type away and brings the target into its routed form. */
function takeOver(raw: Taken, cleanPaths: readonly string[]): string {
  const contentType = raw.headers['content-type'];
  // Without it the framework neither judges the media type nor chooses a parser by it.
  delete raw.headers['content-type'];
  const target = parseTarget(raw.url ?? '');
  raw[SENT] = { contentType, path: target?.path ?? '', query: target?.query ?? '' };
  if (target === undefined) return BAD_TARGET;
  if (cleanPaths.length === 0) return target.routed;
  const cleaned = cleanPath(target.path);
  const cleans = cleanPaths.some((path) => cleaned === path || cleaned.startsWith(`${path}/`));
  return cleans ? routedForm(cleaned, target.query) : target.routed;
}

function acceptEveryMethod(app: FastifyInstance): void {
  const known = new Set(app.supportedMethods);
  for (const method of METHODS) {
    // QUERY is known, but the framework would answer 400 by itself when it has no content type.
    if (method === 'QUERY') app.addHttpMethod(method, { hasBody: false, overrideExisting: true });
    else if (method !== 'CONNECT' && !known.has(method)) app.addHttpMethod(method, { hasBody: true });
  }
}

function acceptEveryBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request: FastifyRequest, body: Buffer, done) => {
    done(null, body);
  });
  app.addHook('onError', (request, _reply, error, done) => {
    if (requestFault(error) === 'body_too_large') lingerAfterAnswer(request.raw);
    done();
  });
}

function decorate(app: FastifyInstance): void {
  app.decorate('gates', new Gates());
  app.decorateRequest('sentContentType', { getter: sent((parts) => parts.contentType) });
  app.decorateRequest('sentPath', { getter: sent((parts) => parts.path) });
  app.decorateRequest('sentQuery', { getter: sent((parts) => parts.query) });
  app.decorateRequest('bytes', {
    getter(this: FastifyRequest) {
      return Buffer.isBuffer(this.body) ? this.body : NO_BYTES;
    },
  });
  app.addHook('preValidation', (request, _reply, done) => {
    request.body ??= NO_BYTES;
    done();
  });
}

function sent<T>(pick: (parts: Sent) => T): (this: FastifyRequest) => T {
  return function getter(this: FastifyRequest) {
    return pick((this.raw as Taken)[SENT] ?? { contentType: undefined, path: '', query: '' });
  };
}

/** As Go's server answers a request it cannot parse. */
function badTarget(reply: FastifyReply): void {
  void reply
    .code(400)
    .header('connection', 'close')
    .header('content-type', 'text/plain; charset=utf-8')
    .send('400 Bad Request');
}

/** For routes whose service has no error handler of its own. Never a stack, never an internal text. */
function defaultError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (request.is404) return grpcNotFound(reply);
  const fault = requestFault(error);
  if (fault === 'body_too_large') return grpcError(reply, 400, 3, 'http: request body too large');
  if (fault === 'body_incomplete') return grpcError(reply, 400, 3, 'unexpected EOF');
  if (error instanceof ServiceError) return sendServiceError(reply, error);
  return grpcError(reply, 500, 13, 'internal server error');
}
