import {
  deadlineExceeded,
  grpcTimeout,
  grpcWrongMethod,
  type HttpHandler,
  type Logger,
  methodTable,
  sendJson,
} from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ResolvedIssuer } from '../config.ts';
import type { Authority } from '../core/authority.ts';
import type { IssuedLeaf } from '../core/issuance/issue.ts';
import type { IssuingCa } from '../core/issuance/issuing-ca.ts';
import type { CaMetrics } from '../metrics.ts';
import { chainOf, configurationAnswer, sendFailure, v2Answer } from './answers.ts';
import { answerCors } from './cors.ts';
import { bearerToken, readV1, readV2, type SigningMessage } from './messages.ts';

const BODY_LIMIT = 1 << 22;
const PEM_CHAIN = 'application/pem-certificate-chain';

export interface RoutesOptions {
  readonly authority: Authority;
  readonly ca: IssuingCa;
  readonly issuers: readonly ResolvedIssuer[];
  readonly metrics: CaMetrics;
  readonly logger: Logger;
  /** Also answer `/healthz`, which belongs to the whole origin where several services share it. */
  readonly healthz: boolean;
}

/** The authority's HTTP surface. SPEC: fulcio.proto and fulcio_legacy.proto with their google.api.http annotations */
export function caRoutes(options: RoutesOptions): (app: FastifyInstance) => Promise<void> {
  const { ca } = options;
  const trustBundle = { chains: [{ certificates: ca.chainPem }] };
  const configuration = configurationAnswer(options.issuers);
  const rootCert = ca.chainPem.join('\n').trim();
  return (app) => {
    app.addHook('onRequest', (request, reply, done) => {
      // An answered preflight ends here: without done() nothing more runs.
      if (!answerCors(request, reply)) done();
    });
    app.addHook('onResponse', (request, reply, done) => {
      const labels = { code: String(reply.statusCode), method: methodLabel(request.method) };
      options.metrics.apiLatency.observe(labels, reply.elapsedTime / 1000);
      options.metrics.httpRequests.inc(labels);
      done();
    });
    post(app, '/api/v2/signingCert', signing(options, readV2, sendV2));
    post(app, '/api/v1/signingCert', signing(options, readV1, sendV1));
    get(app, '/api/v2/trustBundle', (_request, reply) => sendJson(reply, 200, trustBundle));
    get(app, '/api/v2/configuration', (_request, reply) => sendJson(reply, 200, configuration));
    get(app, '/api/v1/rootCert', (_request, reply) => sendPem(reply, 200, rootCert));
    if (options.healthz) get(app, '/healthz', (_request, reply) => sendJson(reply, 200, { status: 'SERVING' }));
    return Promise.resolve();
  };

  function sendV2(reply: FastifyReply, issued: IssuedLeaf): void {
    sendJson(reply, 200, v2Answer(ca, issued));
  }

  function sendV1(reply: FastifyReply, issued: IssuedLeaf): void {
    sendPem(reply, 201, chainOf(ca, issued.leaf).join('\n'));
  }
}

const LABELS = new Set(['get', 'head', 'post', 'put', 'delete', 'patch', 'options']);

function methodLabel(method: string): string {
  const label = method.toLowerCase();
  return LABELS.has(label) ? label : 'other';
}

function post(app: FastifyInstance, path: string, handler: HttpHandler): void {
  methodTable(app, path, { POST: handler }, undefined, { bodyLimit: BODY_LIMIT });
}

/** A form that is posted to a GET path is answered as the GET: a habit of upstream's gateway for long queries. */
function get(app: FastifyInstance, path: string, handler: HttpHandler): void {
  const timed: HttpHandler = (request, reply) => {
    grpcTimeout(request.headers);
    return handler(request, reply);
  };
  const form: HttpHandler = (request, reply) =>
    request.sentContentType === 'application/x-www-form-urlencoded' ? timed(request, reply) : grpcWrongMethod(reply);
  methodTable(app, path, { GET: timed, POST: form }, undefined, { bodyLimit: BODY_LIMIT });
}

function sendPem(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header('content-type', PEM_CHAIN).send(Buffer.from(text));
}

function signing(
  options: RoutesOptions,
  read: (body: Uint8Array) => SigningMessage,
  send: (reply: FastifyReply, issued: IssuedLeaf) => void,
): HttpHandler {
  const { authority, metrics, logger } = options;
  return async (request, reply) => {
    try {
      const issued = await withinClientTime(request, (signal) => {
        const message = read(request.bytes);
        const token = message.token || bearerToken(request.headers.authorization);
        return authority.sign({ ...message, token, signal });
      });
      metrics.issued.inc();
      send(reply, issued);
    } catch (error) {
      metrics.refusals.inc({ reason: sendFailure(reply, error, logger) });
    }
    return reply;
  };
}

/** Ends with `deadline` when the time the client set in `Grpc-Timeout` is over first. */
async function withinClientTime<T>(
  request: FastifyRequest,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const { timeoutMs } = grpcTimeout(request.headers);
  if (timeoutMs === undefined) return work(undefined);
  const controller = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => {
      controller.abort();
      late.reject(deadlineExceeded());
    },
    Math.min(timeoutMs, 2 ** 31 - 1),
  );
  try {
    return await Promise.race([late.promise, work(controller.signal)]);
  } finally {
    clearTimeout(timer);
  }
}
