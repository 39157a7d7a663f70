import { parseTilePath, TILE_WIDTH } from '@sigstead/merkle';
import { type Clock, grpcError, grpcNotFound, type HttpHandler, methodTable } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OpenLog } from '../open-log.ts';
import { Compression, type Tagged, tagged } from './compression.ts';

/**
 * SPEC: C2SP tlog-tiles: full tiles never change, so caches may keep them; partial ones are soon of no use to anybody; a
 * checkpoint is asked for anew.
 */
const IMMUTABLE = 'public, max-age=604800, immutable';
const SHORT = 'public, max-age=60';
const FRESH = 'no-cache';

/** `checkpoint` and everything below `tile/` under one prefix ('', '/api/v2', '/shard2', '/shard2/api/v2', …). */
export function registerTiles(
  app: FastifyInstance,
  options: {
    log: OpenLog;
    clock: Clock;
    prefix: string;
    /** Shared by the prefixes of a log. Default: one of its own. */
    compression?: Compression;
  },
): void {
  const { log, clock, prefix, compression = new Compression() } = options;
  const checkpoint: HttpHandler = async (request, reply) =>
    sendCached(request, reply, {
      ...tagged(await log.reader.checkpoint(clock.nowMs())),
      contentType: 'text/plain; charset=utf-8',
      cacheControl: FRESH,
    });
  const tile: HttpHandler = async (request, reply) => {
    const path = request.sentPath.slice(prefix.length + 1);
    const parsed = parseTilePath(path);
    if (parsed === undefined) return badTilePath(reply, prefix, path);
    const bytes = await log.reader.resource(parsed);
    if (bytes === undefined) return grpcNotFound(reply);
    const isFull = parsed.width === TILE_WIDTH;
    const kind = { contentType: 'application/octet-stream', cacheControl: isFull ? IMMUTABLE : SHORT };
    if (parsed.kind !== 'entries') return sendCached(request, reply, { ...tagged(bytes), ...kind });
    reply.header('vary', 'accept-encoding');
    const packed = acceptsGzip(request.headers['accept-encoding'])
      ? await compression.gzip(path, bytes, isFull)
      : undefined;
    if (packed !== undefined) reply.header('content-encoding', 'gzip');
    return sendCached(request, reply, { ...(packed ?? tagged(bytes)), ...kind });
  };
  methodTable(app, `${prefix}/checkpoint`, { GET: checkpoint, HEAD: checkpoint });
  methodTable(app, `${prefix}/tile/*`, { GET: tile, HEAD: tile });
}

interface Content extends Tagged {
  contentType: string;
  cacheControl: string;
}

/** The API prefix answers a level that is no number with the gateway's own text, as upstream does. */
function badTilePath(reply: FastifyReply, prefix: string, path: string): FastifyReply {
  const [, level] = /^tile\/([^/]+)\/.+$/.exec(path) ?? [];
  if (!prefix.endsWith('/api/v2') || level === undefined || level === 'entries' || /^\d+$/.test(level))
    return grpcNotFound(reply);
  const shown = level.slice(0, 100);
  const text = `type mismatch, parameter: L, error: strconv.ParseUint: parsing ${JSON.stringify(shown)}: invalid syntax`;
  return grpcError(reply, 400, 3, text);
}

/** SPEC: RFC 9110 §13.1.2: 304 when the client has these bytes. */
function sendCached(request: FastifyRequest, reply: FastifyReply, content: Content): FastifyReply {
  const { bytes, etag, contentType, cacheControl } = content;
  reply.header('cache-control', cacheControl).header('etag', etag);
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.code(200).header('content-type', contentType).send(bytes);
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  const text = String(header ?? '').toLowerCase();
  return text.split(',').some((part) => /^\s*gzip\s*(;\s*q=(?!0(\.0{0,3})?\s*$).*)?$/.test(part));
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}
