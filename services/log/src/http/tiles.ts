import { parseTilePath, TILE_WIDTH } from '@sigstead/merkle';
import { type Clock, grpcError, grpcNotFound, type HttpHandler, methodTable } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { OpenLog } from '../open-log.ts';
import { FRESH, IMMUTABLE, sendCached, sendPacked, SHORT } from './cached.ts';
import { Compression, tagged } from './compression.ts';

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
      ...tagged((await log.publication.newest(clock.nowMs())).head.note),
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
    return sendPacked(request, reply, { bytes, compression, path, isFull, ...kind });
  };
  methodTable(app, `${prefix}/checkpoint`, { GET: checkpoint, HEAD: checkpoint });
  methodTable(app, `${prefix}/tile/*`, { GET: tile, HEAD: tile });
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
