import {
  type Clock,
  type HttpHandler,
  type Logger,
  methodTable,
  type Metrics,
  grpcError,
  sendJson,
} from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LogError } from '../core/errors.ts';
import { closedBy } from '../core/life.ts';
import type { EntryRules } from '../core/rekor-v2/entry.ts';
import { verifiedEntry } from '../core/rekor-v2/entry.ts';
import { parseCreateEntry, proposedEntry } from '../core/rekor-v2/request.ts';
import { transparencyLogEntry } from '../core/rekor-v2/response.ts';
import type { Receipt } from '../engine/queue.ts';
import type { OpenLog } from '../open-log.ts';
import { Compression } from './compression.ts';
import { withDeadline } from './deadline.ts';
import { PUSHBACK, sendLogError } from './errors.ts';
import { registerTiles } from './tiles.ts';
import { observeRekorV2 } from './rekor-v2-metrics.ts';
import { type LoopSource, processLoop } from './unread.ts';
import { WritePath } from './write-path.ts';

const ENTRIES = '/api/v2/log/entries';

/** SPEC: rekor-tiles, --max-request-body-size */
const MAX_BODY_BYTES = 4 * 2 ** 20;

export interface RekorV2RouteOptions {
  log: OpenLog;
  keyId: Uint8Array;
  rules: EntryRules;
  readOnly: boolean;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  /** Prefixes of `checkpoint` and `tile/`, all with the same bytes. */
  readPrefixes: readonly string[];
  /** Default: the event loop of this process. */
  loop?: LoopSource;
}

/** Everything of one Rekor v2 log: `POST /api/v2/log/entries`, and its tree under each prefix. */
export function rekorV2Routes(options: RekorV2RouteOptions): (app: FastifyInstance) => Promise<void> {
  return async (app) => {
    const seen = observeRekorV2(app, options.metrics);
    const writePath = new WritePath({ loop: options.loop ?? processLoop(), logger: options.logger });
    app.setErrorHandler((error, request, reply) => {
      if (!(error instanceof LogError)) throw error;
      const level = error.code === 'internal' ? 'error' : 'debug';
      options.logger[level](
        { code: error.code, detail: error.detail, cause: error.cause, id: request.id },
        error.message,
      );
      return sendLogError(reply, error);
    });
    const parts = { ...options, writePath, added: seen.added };
    const create: HttpHandler = (request, reply) => createEntry(parts, request, reply);
    methodTable(app, ENTRIES, { POST: create }, undefined, { bodyLimit: MAX_BODY_BYTES });
    app.gates.add({
      method: 'POST',
      path: ENTRIES,
      isOpen: () => options.readOnly || writePath.isOpen(),
      refusal: PUSHBACK,
      onRefused: seen.refused,
    });
    const compression = new Compression();
    const { log, clock } = options;
    for (const prefix of options.readPrefixes) registerTiles(app, { log, clock, prefix, compression });
  };
}

async function createEntry(
  options: Pick<RekorV2RouteOptions, 'log' | 'keyId' | 'rules' | 'readOnly'> & {
    writePath: WritePath;
    added: () => void;
  },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { log, keyId, rules, writePath } = options;
  const receipt = await withDeadline(request, reply, (signal) => {
    const parsed = parseCreateEntry(request.bytes);
    if (options.readOnly) throw closedBy('read-only');
    log.sequencer.checkRoom();
    // What the gate let pass may have come in another spelling, or long before its body.
    writePath.checkRoom();
    const entry = verifiedEntry(proposedEntry(parsed), rules);
    return writePath.run(() => log.sequencer.append(entry, signal));
  });
  if (receipt.kind === 'duplicate') return sendDuplicate(reply, receipt);
  options.added();
  const { index, head, proof, record } = receipt;
  const { size, root, note } = head;
  return sendJson(reply, 201, transparencyLogEntry({ keyId, index, size, root, proof, note, leaf: record.leaf }));
}

function sendDuplicate(reply: FastifyReply, { index }: Receipt): FastifyReply {
  const text = `an equivalent entry already exists in the transparency log with index ${index}`;
  return grpcError(reply.header('x-log-index', String(index)), 409, 6, text);
}
