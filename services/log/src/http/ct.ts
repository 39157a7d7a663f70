import { addChainResponse, FormatError, parseAddChainRequest, type Sct } from '@sigstead/formats';
import { type Clock, type HttpHandler, type Logger, methodTable, requestFault, sendJson } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AcceptedRoots, acceptChain } from '../core/ct/chain.ts';
import { ctSubmission, logsSubmission } from '../core/ct/entry.ts';
import type { IssuerLinks } from '../core/ct/issuer-links.ts';
import type { CtPersonality } from '../core/ct/personality.ts';
import { LogError } from '../core/errors.ts';
import { closedBy } from '../core/life.ts';
import type { OpenLog } from '../open-log.ts';
import { ctReads } from './ct-reads.ts';
import { withDeadline } from './deadline.ts';

/** SPEC: TesseraCT, --max_cert_chain_bytes; the JSON around it is base64. */
const MAX_BODY_BYTES = 512 * 1024;

export interface CtLog {
  log: OpenLog;
  personality: CtPersonality;
  roots: AcceptedRoots;
  signatures: IssuerLinks;
  sha256: (data: Uint8Array) => Uint8Array;
  readOnly: boolean;
}

/**
 * Logs a chain and signs its SCT, which is given out only once the entry is in the signed tree. The same entry again
 * gets an SCT with the time of the first. Throws LogError.
 */
export async function addChain(
  ct: CtLog,
  chain: readonly Uint8Array[],
  type: 'x509' | 'precert',
  signal?: AbortSignal,
): Promise<Sct> {
  if (ct.readOnly) throw closedBy('read-only');
  ct.log.sequencer.checkRoom();
  const submission = ctSubmission(acceptChain(chain, ct.roots, type, ct.signatures), type, ct.sha256);
  const receipt = await ct.log.sequencer.append(submission, signal);
  const record = receipt.kind === 'added' ? receipt.record : await ct.log.reader.record(receipt.index);
  // What was read back may have been changed in the database: an SCT is signed for what was submitted, or not at all.
  if (receipt.kind === 'duplicate' && !logsSubmission(record.leaf, submission, ct.sha256)) {
    throw new LogError('internal', 'internal error', {
      detail: `entry ${receipt.index} is not what its identity says`,
    });
  }
  return ct.personality.signSct(record.leaf);
}

/** The RFC 6962 §4 endpoints of one log under `<prefix>/ct/v1/`. */
export function ctRoutes(
  ct: CtLog,
  options: { prefix: string; clock: Clock; logger: Logger },
): (app: FastifyInstance) => Promise<void> {
  const base = `${options.prefix}/ct/v1`;
  const add =
    (type: 'x509' | 'precert'): HttpHandler =>
    async (request, reply) => {
      const sct = await withDeadline(request, reply, (signal) => addChain(ct, parseChain(request.bytes), type, signal));
      return sendJson(reply, 200, addChainResponse(sct));
    };
  return (app) => {
    app.setErrorHandler((error, request, reply) => onError(options.logger, error, request, reply));
    const limit = { bodyLimit: MAX_BODY_BYTES };
    methodTable(app, `${base}/add-chain`, { POST: add('x509') }, wrongMethod, limit);
    methodTable(app, `${base}/add-pre-chain`, { POST: add('precert') }, wrongMethod, limit);
    for (const [name, handler] of Object.entries(ctReads(ct, options)))
      methodTable(app, `${base}/${name}`, { GET: handler }, wrongMethod);
    return Promise.resolve();
  };
}

function parseChain(body: Uint8Array): Uint8Array[] {
  try {
    return parseAddChainRequest(body);
  } catch (error) {
    if (error instanceof FormatError)
      throw new LogError('invalid_request', 'failed to parse add-chain body', { detail: error.message });
    throw error;
  }
}

function wrongMethod(_request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): FastifyReply {
  return sendText(reply.header('allow', allowed.join(', ')), 405, 'Method not allowed');
}

function onError(logger: Logger, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const fault = requestFault(error);
  if (fault === 'body_too_large') return sendText(reply, 413, 'Request body too large');
  if (fault === 'body_incomplete') return sendText(reply, 400, 'failed to read body');
  if (!(error instanceof LogError)) throw error;
  const level = error.code === 'internal' ? 'error' : 'debug';
  logger[level]({ code: error.code, detail: error.detail, cause: error.cause, id: request.id }, error.message);
  return sendCtError(reply, error);
}

function sendCtError(reply: FastifyReply, error: LogError): FastifyReply {
  switch (error.code) {
    case 'entry_refused':
    case 'entry_too_large':
    case 'invalid_request':
      return sendText(reply, 400, error.message);
    case 'not_found':
      return sendText(reply, 404, error.message);
    case 'read_only':
      return sendText(reply, 403, error.message);
    case 'queue_full':
    case 'closing':
    case 'halted':
    case 'unavailable':
      return sendText(reply.header('retry-after', '1'), 503, error.message);
    case 'deadline':
      return sendText(reply, 504, error.message);
    case 'cancelled':
      return sendText(reply, 499, error.message);
    case 'misconfigured':
    case 'internal':
      return sendText(reply, 500, 'internal server error');
  }
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(`${text}\n`);
}
