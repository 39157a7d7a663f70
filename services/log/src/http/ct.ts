import { addChainResponse, FormatError, parseAddChainRequest } from '@sigstead/formats';
import { type HttpHandler, type Logger, methodTable, requestFault, sendJson } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LogError } from '../core/errors.ts';
import type { CtDesk } from '../ct/desk.ts';
import { sendCtError, sendCtText } from './ct-errors.ts';
import { ctReads } from './ct-reads.ts';
import { withDeadline } from './deadline.ts';
import { registerStaticCt } from './static-ct.ts';

/** SPEC: TesseraCT, --max_cert_chain_bytes; the JSON around it is base64. */
const MAX_BODY_BYTES = 512 * 1024;

/**
 * The RFC 6962 §4 endpoints of one log under `<prefix>/ct/v1/`, and under `<prefix>/` its static-ct-api read path where its
 * entries name their index: without that, readers of tiles cannot parse them.
 */
export function ctRoutes(
  ct: CtDesk,
  options: { prefix: string; logger: Logger },
): (app: FastifyInstance) => Promise<void> {
  const { prefix, logger } = options;
  const base = `${prefix}/ct/v1`;
  const add =
    (type: 'x509' | 'precert'): HttpHandler =>
    async (request, reply) => {
      const sct = await withDeadline(request, reply, (signal) => ct.addChain(parseChain(request.bytes), type, signal));
      return sendJson(reply, 200, addChainResponse(sct));
    };
  return (app) => {
    app.setErrorHandler((error, request, reply) => onError(logger, error, request, reply));
    const limit = { bodyLimit: MAX_BODY_BYTES };
    methodTable(app, `${base}/add-chain`, { POST: add('x509') }, wrongMethod, limit);
    methodTable(app, `${base}/add-pre-chain`, { POST: add('precert') }, wrongMethod, limit);
    for (const [name, handler] of Object.entries(ctReads(ct)))
      methodTable(app, `${base}/${name}`, { GET: handler }, wrongMethod);
    if (ct.leaves.leafIndex) registerStaticCt(app, ct, { prefix, wrongMethod });
    return Promise.resolve();
  };
}

function parseChain(body: Uint8Array): Uint8Array[] {
  try {
    return parseAddChainRequest(body);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new LogError('invalid_request', `failed to parse add-chain body: ${error.message}`);
  }
}

function wrongMethod(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): FastifyReply {
  return sendCtText(reply.header('allow', allowed.join(', ')), 405, `method not allowed: ${request.method}`);
}

function onError(logger: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const fault = requestFault(error);
  if (fault === 'body_too_large') return sendCtText(reply, 413, 'request body too large');
  if (fault === 'body_incomplete') return sendCtText(reply, 400, 'failed to parse add-chain body: unexpected EOF');
  if (!(error instanceof LogError)) throw error;
  const level = error.code === 'internal' ? 'error' : 'debug';
  logger[level]({ code: error.code, detail: error.detail, cause: error.cause, id: request.id }, error.message);
  return sendCtError(reply, error);
}
