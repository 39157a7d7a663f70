import { encodeBase64 } from '@sigstead/formats';
import { grpcError, type Logger, methodTable, type Metrics, sendJson } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { LogError } from '../core/errors.ts';
import { transparencyLogEntry } from '../core/rekor-v2/response.ts';
import { parseSearchQuery } from '../core/rekor-v2/search-query.ts';
import type { Sha256 } from '../core/rekor-v2/search-keys.ts';
import type { IndexRange } from '../core/search-index.ts';
import type { SearchAnswer, Searcher } from '../search/searcher.ts';
import { withDeadline } from './deadline.ts';
import { sendLogError } from './errors.ts';

export const SEARCH_PATH = '/api/v2/search';

/** Ranges that an answer names; one more is told by `complete` alone. */
const MOST_MISSING = 100;

/** Said in every answer: who reads it by hand should know. */
const NOTICE =
  'Not authenticated: that an entry is not among the hits proves nothing. Each hit is proven by its inclusion proof; verify it as any entry.';

export interface SearchRouteOptions {
  path: string;
  /** Undefined where search is switched off. */
  searcher: Searcher | undefined;
  log: string;
  keyId: Uint8Array;
  sha256: Sha256;
  logger: Logger;
  metrics: Metrics;
}

/** SPEC: docs/specs/search.md */
export function searchRoutes(options: SearchRouteOptions): (app: FastifyInstance) => Promise<void> {
  const { path, searcher, sha256, keyId, logger } = options;
  return async (app) => {
    observe(app, options);
    app.setErrorHandler((error, request, reply) => {
      if (!(error instanceof LogError)) throw error;
      const { code, detail, cause } = error;
      logger[code === 'internal' ? 'error' : 'debug']({ code, detail, cause, id: request.id }, error.message);
      return sendLogError(reply, error);
    });
    const search = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      if (searcher === undefined) return grpcError(reply, 501, 12, 'search is switched off for this log');
      const query = parseSearchQuery(request.sentQuery, sha256);
      const answer = await withDeadline(request, reply, (signal) => searcher.search(query, signal));
      return sendJson(reply.header('cache-control', 'no-store'), 200, answerJson(answer, keyId));
    };
    methodTable(app, path, { GET: search });
    await Promise.resolve();
  };
}

function answerJson({ tree, hits, searched, missing }: SearchAnswer, keyId: Uint8Array): Record<string, unknown> {
  const { size, root, note } = tree;
  return {
    authenticated: false,
    notice: NOTICE,
    hits: hits.map(({ index, leaf, proof }) => transparencyLogEntry({ keyId, index, size, root, proof, note, leaf })),
    searched: rangeJson(searched),
    complete: missing.length === 0,
    missing: missing.slice(0, MOST_MISSING).map(rangeJson),
    next: String(searched.end),
    more: searched.end < size,
    treeSize: String(size),
    rootHash: encodeBase64(root),
    checkpoint: { envelope: Buffer.from(note).toString('utf8') },
  };
}

function rangeJson({ begin, end }: IndexRange): { from: string; to: string } {
  return { from: String(begin), to: String(end) };
}

function observe(app: FastifyInstance, { metrics, log }: SearchRouteOptions): void {
  const seconds = metrics.histogram<'log' | 'code'>({
    name: 'sigstead_log_search_seconds',
    help: 'Time that answers to searches took',
    labelNames: ['log', 'code'],
  });
  app.addHook('onResponse', (_request, reply, done) => {
    seconds.observe({ log, code: String(reply.statusCode) }, reply.elapsedTime / 1000);
    done();
  });
}
