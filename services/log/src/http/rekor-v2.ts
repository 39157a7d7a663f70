import {
  type Clock,
  grpcError,
  type HttpHandler,
  type Logger,
  methodTable,
  type Metrics,
  sendJson,
} from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LogError } from '../core/errors.ts';
import { parseCreateEntry } from '../core/rekor-v2/request.ts';
import { transparencyLogEntry } from '../core/rekor-v2/response.ts';
import type { OpenLog } from '../open-log.ts';
import type { EntryDesk } from '../rekor-v2/create-entry.ts';
import { Compression } from './compression.ts';
import { withDeadline } from './deadline.ts';
import { PUSHBACK, sendLogError } from './errors.ts';
import { observeRekorV2 } from './rekor-v2-metrics.ts';
import { registerTiles } from './tiles.ts';

const API = '/api/v2';
const ENTRIES = `${API}/log/entries`;

/** SPEC: rekor-tiles, --max-request-body-size */
const MAX_BODY_BYTES = 4 * 2 ** 20;

export interface RekorV2RouteOptions {
  log: OpenLog;
  desk: EntryDesk;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  /** What everything of the log is below: '' for the root of the listener. */
  basePaths: readonly string[];
}

/** Everything of one Rekor v2 log: `POST /api/v2/log/entries`, and its tree under `/` and `/api/v2/`, below each base path. */
export function rekorV2Routes(options: RekorV2RouteOptions): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    const { log, desk, clock } = options;
    const seen = observeRekorV2(app, options.metrics);
    app.setErrorHandler((error, request, reply) => {
      if (!(error instanceof LogError)) throw error;
      const level = error.code === 'internal' ? 'error' : 'debug';
      options.logger[level](
        { code: error.code, detail: error.detail, cause: error.cause, id: request.id },
        error.message,
      );
      return sendLogError(reply, error);
    });
    const create: HttpHandler = (request, reply) => createEntry(desk, request, reply);
    const compression = new Compression();
    for (const base of options.basePaths) {
      const path = base + ENTRIES;
      methodTable(app, path, { POST: create }, undefined, { bodyLimit: MAX_BODY_BYTES });
      app.gates.add({
        method: 'POST',
        path,
        isOpen: () => desk.isOpen(),
        refusal: PUSHBACK,
        onRefused: (count) => {
          seen.refused(count);
          desk.refused(count);
        },
      });
      for (const prefix of [base, base + API]) registerTiles(app, { log, clock, prefix, compression });
    }
  };
}

async function createEntry(desk: EntryDesk, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const answer = await withDeadline(request, reply, (signal) =>
    desk.createEntry(parseCreateEntry(request.bytes), signal),
  );
  if (answer.kind === 'logged') return sendJson(reply, 201, transparencyLogEntry(answer.entry));
  return grpcError(reply.header('x-log-index', String(answer.index)), 409, 6, answer.message);
}
