import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { parseTilePath } from '@sigstead/merkle';
import { type Clock, grpcError, grpcNotFound, type HttpHandler, methodTable } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OpenLog } from '../open-log.ts';

const compress = promisify(gzip);

/** SPEC: C2SP tlog-tiles: tiles never change, so caches may keep them; a checkpoint is asked for anew. */
const IMMUTABLE = 'public, max-age=604800, immutable';
const FRESH = 'no-cache';

/** `checkpoint` and everything below `tile/` under one prefix ('' or '/api/v2', …). */
export function registerTiles(app: FastifyInstance, options: { log: OpenLog; clock: Clock; prefix: string }): void {
  const { log, clock, prefix } = options;
  const checkpoint: HttpHandler = async (request, reply) =>
    sendCached(request, reply, {
      bytes: await log.reader.checkpoint(clock.nowMs()),
      contentType: 'text/plain; charset=utf-8',
      cacheControl: FRESH,
    });
  const tile: HttpHandler = async (request, reply) => {
    const path = request.sentPath.slice(prefix.length + 1);
    const parsed = parseTilePath(path);
    if (parsed === undefined) return badTilePath(reply, prefix, path);
    const bytes = await log.reader.resource(parsed);
    if (bytes === undefined) return grpcNotFound(reply);
    const content = { bytes, contentType: 'application/octet-stream', cacheControl: IMMUTABLE };
    return parsed.kind === 'entries' ? sendCompressible(request, reply, content) : sendCached(request, reply, content);
  };
  methodTable(app, `${prefix}/checkpoint`, { GET: checkpoint, HEAD: checkpoint });
  methodTable(app, `${prefix}/tile/*`, { GET: tile, HEAD: tile });
}

interface Content {
  bytes: Uint8Array;
  contentType: string;
  cacheControl: string;
}

/** The API prefix answers a level that is no number with the gateway's own text, as upstream does. */
function badTilePath(reply: FastifyReply, prefix: string, path: string): FastifyReply {
  const [, level] = /^tile\/([^/]+)\/.+$/.exec(path) ?? [];
  if (prefix === '' || level === undefined || level === 'entries' || /^\d+$/.test(level)) return grpcNotFound(reply);
  const shown = level.slice(0, 100);
  const text = `type mismatch, parameter: L, error: strconv.ParseUint: parsing ${JSON.stringify(shown)}: invalid syntax`;
  return grpcError(reply, 400, 3, text);
}

/** SPEC: RFC 9110 §8.8.3, §13.1.2: strong validator over the bytes; 304 when the client has them. */
function sendCached(request: FastifyRequest, reply: FastifyReply, content: Content): FastifyReply {
  const etag = `"${hash('sha256', content.bytes, 'hex').slice(0, 32)}"`;
  reply.header('cache-control', content.cacheControl).header('etag', etag);
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.code(200).header('content-type', content.contentType).send(content.bytes);
}

/** SPEC: C2SP tlog-tiles: entry bundles may be served compressed. */
async function sendCompressible(request: FastifyRequest, reply: FastifyReply, content: Content): Promise<FastifyReply> {
  reply.header('vary', 'accept-encoding');
  if (!acceptsGzip(request.headers['accept-encoding'])) return sendCached(request, reply, content);
  const bytes = await compress(content.bytes);
  return sendCached(request, reply.header('content-encoding', 'gzip'), { ...content, bytes });
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  const text = String(header ?? '').toLowerCase();
  return text.split(',').some((part) => /^\s*gzip\s*(;\s*q=(?!0(\.0{0,3})?\s*$).*)?$/.test(part));
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}
