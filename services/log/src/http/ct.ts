import {
  addChainResponse,
  decodeBase64Strict,
  encodeBase64,
  FormatError,
  parseAddChainRequest,
  type Sct,
} from '@sigstead/formats';
import { type Clock, type HttpHandler, type Logger, methodTable, requestFault, sendJson } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AcceptedRoots, acceptChain } from '../core/ct/chain.ts';
import { ctSubmission } from '../core/ct/entry.ts';
import type { CtPersonality, SignedTreeHead } from '../core/ct/personality.ts';
import { LogError } from '../core/errors.ts';
import type { OpenLog } from '../open-log.ts';
import { withDeadline } from './deadline.ts';

/** SPEC: TesseraCT, --max_cert_chain_bytes; the JSON around it is base64. */
const MAX_BODY_BYTES = 512 * 1024;

/** A head older than this is signed anew when it is asked for. Well within the usual 24 hours of merge delay. */
const MAX_STH_AGE_MS = 3_600_000;

export interface CtLog {
  log: OpenLog;
  personality: CtPersonality;
  roots: AcceptedRoots;
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
  if (ct.readOnly) throw new LogError('read_only', 'log is read-only');
  ct.log.sequencer.checkRoom();
  const submission = ctSubmission(acceptChain(chain, ct.roots, type), type, ct.sha256);
  const receipt = await ct.log.sequencer.append(submission, signal);
  const record = receipt.kind === 'added' ? receipt.record : await ct.log.reader.record(receipt.index);
  if (record === undefined) {
    throw new LogError('internal', 'internal error', { detail: `entry ${receipt.index} is missing` });
  }
  return ct.personality.signSct(record.leaf);
}

/** The RFC 6962 §4 endpoints of one log under `<prefix>/ct/v1/`. */
export function ctRoutes(
  ct: CtLog,
  options: { prefix: string; clock: Clock; logger: Logger },
): (app: FastifyInstance) => Promise<void> {
  const { reader } = ct.log;
  const base = `${options.prefix}/ct/v1`;
  const add =
    (type: 'x509' | 'precert'): HttpHandler =>
    async (request, reply) => {
      const sct = await withDeadline(request, reply, (signal) => addChain(ct, parseChain(request.bytes), type, signal));
      return sendJson(reply, 200, addChainResponse(sct));
    };
  const reads: Record<string, HttpHandler> = {
    'get-sth': async (_request, reply) => {
      const sth = await currentSth(ct, options);
      return sendJson(reply, 200, {
        tree_size: sth.size,
        timestamp: sth.timestampMs,
        sha256_root_hash: encodeBase64(sth.root),
        tree_head_signature: encodeBase64(sth.signature),
      });
    },
    'get-sth-consistency': async (request, reply) => {
      const proof = await reader.consistency(integer(request, 'first'), integer(request, 'second'));
      return sendJson(reply, 200, { consistency: proof.map(encodeBase64) });
    },
    'get-proof-by-hash': async (request, reply) => {
      const found = await reader.proofByHash(hashParameter(request), integer(request, 'tree_size'));
      return sendJson(reply, 200, { leaf_index: found.index, audit_path: found.proof.map(encodeBase64) });
    },
    'get-entries': async (request, reply) => {
      const records = await reader.entries(integer(request, 'start'), integer(request, 'end'));
      const list = records.map(({ leaf, extra }) => ({
        leaf_input: encodeBase64(leaf),
        extra_data: encodeBase64(extra),
      }));
      return sendJson(reply, 200, { entries: list });
    },
    'get-entry-and-proof': async (request, reply) => {
      const { record, proof } = await reader.entryAndProof(
        integer(request, 'leaf_index'),
        integer(request, 'tree_size'),
      );
      return sendJson(reply, 200, {
        leaf_input: encodeBase64(record.leaf),
        extra_data: encodeBase64(record.extra),
        audit_path: proof.map(encodeBase64),
      });
    },
    'get-roots': (_request, reply) =>
      sendJson(reply, 200, { certificates: ct.roots.map((root) => encodeBase64(root.der)) }),
  };
  return (app) => {
    app.setErrorHandler((error, request, reply) => onError(options.logger, error, request, reply));
    const limit = { bodyLimit: MAX_BODY_BYTES };
    methodTable(app, `${base}/add-chain`, { POST: add('x509') }, wrongMethod, limit);
    methodTable(app, `${base}/add-pre-chain`, { POST: add('precert') }, wrongMethod, limit);
    for (const [name, handler] of Object.entries(reads))
      methodTable(app, `${base}/${name}`, { GET: handler }, wrongMethod);
    return Promise.resolve();
  };
}

/** SPEC: RFC 6962 §3.5: the head is never older than the log's maximum merge delay, also while nothing is logged. */
async function currentSth(ct: CtLog, { clock, logger }: { clock: Clock; logger: Logger }): Promise<SignedTreeHead> {
  const { reader, sequencer } = ct.log;
  const nowMs = clock.nowMs();
  const sth = ct.personality.readHead(await reader.checkpoint(nowMs));
  if (ct.readOnly || nowMs - sth.timestampMs < MAX_STH_AGE_MS) return sth;
  try {
    await sequencer.refreshHead();
  } catch (error) {
    logger.warn({ error }, 'the signed tree head is old and cannot be renewed');
  }
  return ct.personality.readHead(await reader.checkpoint(nowMs));
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

/** A query parameter that is a non-negative integer. A name given twice is refused, not chosen from. */
function integer(request: FastifyRequest, name: string): number {
  const value = parameter(request, name);
  const n = Number(value);
  if (/^\d{1,16}$/.test(value) && Number.isSafeInteger(n)) return n;
  throw new LogError('invalid_request', `${name} is no non-negative integer`);
}

function hashParameter(request: FastifyRequest): Uint8Array {
  try {
    const leafHash = decodeBase64Strict(parameter(request, 'hash'));
    if (leafHash.length === 32) return leafHash;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  throw new LogError('invalid_request', 'hash is no base64 of 32 bytes');
}

function parameter(request: FastifyRequest, name: string): string {
  const values = new URLSearchParams(request.sentQuery).getAll(name);
  const [value] = values;
  if (value === undefined || values.length !== 1)
    throw new LogError('invalid_request', `parameter ${name} is needed once`);
  return value;
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
