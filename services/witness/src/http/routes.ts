import { formatTlogSize, MAX_ADD_CHECKPOINT_BYTES, TLOG_SIZE_TYPE } from '@sigstead/formats';
import { type HttpHandler, methodTable, requestFault, type Routes } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Outage, type RefusalCode } from '../core/errors.ts';
import type { Witness } from '../work/witness.ts';

export interface RouteParts {
  readonly witness: Pick<Witness, 'addCheckpoint' | 'latest'>;
  /** Path of both prefixes, submission and monitoring: empty, or like `/w1`. */
  readonly prefix: string;
  /** Requests that are open: each may hold a whole body. Who is slow loses its place when the server's time is up. */
  readonly maxOpen: number;
}

const TEXT = 'text/plain; charset=utf-8';
const HASH = /^[0-9a-f]{64}$/;

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Status and text of each refusal. SPEC: C2SP tlog-witness, add-checkpoint */
const REFUSALS: Readonly<Record<Exclude<RefusalCode, 'stale'>, readonly [number, string]>> = {
  malformed: [400, 'malformed request'],
  old_beyond: [400, 'old size is above the size of the checkpoint'],
  unknown_log: [404, 'unknown log'],
  not_signed: [403, 'no valid signature of a known key of the log'],
  empty_root: [422, 'a checkpoint of size 0 has the root of the empty tree'],
  bad_proof: [422, 'consistency proof does not verify'],
  other_root: [422, 'another root was cosigned for this size'],
};

/** The two paths of a witness, as one plugin. */
export function createRoutes({ witness, prefix, maxOpen }: RouteParts): Routes {
  return async (app: FastifyInstance) => {
    const path = `${prefix}/add-checkpoint`;
    admit(app, path, maxOpen);
    const post: HttpHandler = async (request, reply) => send(reply, await addCheckpoint(witness, request.bytes));
    methodTable(app, path, { POST: post }, wrongMethod, { bodyLimit: MAX_ADD_CHECKPOINT_BYTES });
    const get: HttpHandler = async (request, reply) => {
      const { hash } = request.params as { hash: string };
      return send(reply, await checkpoint(witness, hash));
    };
    methodTable(app, `${prefix}/:hash/checkpoint`, { GET: get, HEAD: get }, wrongMethod);
    app.setErrorHandler((error, _request, reply) => failed(error, reply));
    await Promise.resolve();
  };
}

/** Bounds what is open at a time: others are told so before anything of their body is read. */
function admit(app: FastifyInstance, path: string, maxOpen: number): void {
  let open = 0;
  app.addHook('onRequest', (_request, reply, done) => {
    open += 1;
    reply.raw.once('close', () => {
      open -= 1;
    });
    done();
  });
  const headers = { 'content-type': TEXT, 'retry-after': '1' };
  const refused = { status: 503, headers, body: 'busy\n' };
  app.gates.add({ method: 'POST', path, isOpen: () => open < maxOpen, refusal: refused });
}

async function addCheckpoint(witness: RouteParts['witness'], body: Uint8Array): Promise<Reply> {
  try {
    const answer = await witness.addCheckpoint(body);
    if (answer.kind === 'cosigned') return { status: 200, body: answer.lines };
    if (answer.code === 'stale') return { status: 409, type: TLOG_SIZE_TYPE, body: formatTlogSize(answer.size) };
    return refusal(answer.code);
  } catch (error) {
    return outage(error);
  }
}

/** SPEC: C2SP tlog-witness, "Monitor Retrieval Mechanism" */
async function checkpoint(witness: RouteParts['witness'], hash: string): Promise<Reply> {
  try {
    const note = HASH.test(hash) ? await witness.latest(hash) : undefined;
    if (note === undefined) return { status: 404, body: 'no checkpoint of this log was cosigned\n' };
    return { status: 200, body: note, headers: { 'cache-control': 'public, max-age=5' } };
  } catch (error) {
    return outage(error);
  }
}

function refusal(code: Exclude<RefusalCode, 'stale'>): Reply {
  const [status, message] = REFUSALS[code];
  return { status, body: `${message}\n` };
}

/** Why, stands in the operator's log; a client can only come again. */
function outage(error: unknown): Reply {
  const code = error instanceof Outage ? error.code : 'unavailable';
  const headers = { 'retry-after': code === 'halted' ? '60' : '1' };
  return { status: 503, body: code === 'busy' ? 'busy\n' : 'temporarily unavailable\n', headers };
}

function wrongMethod(_request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): FastifyReply {
  return send(reply, { status: 405, body: 'method not allowed\n', headers: { allow: allowed.join(', ') } });
}

/** What the framework refuses is a body that is too long, or one that never came whole. */
function failed(error: unknown, reply: FastifyReply): FastifyReply {
  return send(reply, requestFault(error) === undefined ? outage(error) : refusal('malformed'));
}

/** As bytes: to text the framework adds a charset, which the type of a size may not have. */
function send(reply: FastifyReply, { status, type = TEXT, body, headers = {} }: Reply): FastifyReply {
  return reply.code(status).headers(headers).header('content-type', type).send(Buffer.from(body, 'utf8'));
}
