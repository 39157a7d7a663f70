import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Compression, type Tagged, tagged } from './compression.ts';

/**
 * SPEC: C2SP tlog-tiles, static-ct-api: full tiles never change, so caches may keep them; partial ones are soon of no use to
 * anybody; a checkpoint is asked for anew.
 */
export const IMMUTABLE = 'public, max-age=604800, immutable';
export const SHORT = 'public, max-age=60';
export const FRESH = 'no-cache';

export interface Content extends Tagged {
  contentType: string;
  cacheControl: string;
}

/** SPEC: RFC 9110 §13.1.2: 304 when the client has these bytes. */
export function sendCached(request: FastifyRequest, reply: FastifyReply, content: Content): FastifyReply {
  const { bytes, etag, contentType, cacheControl } = content;
  reply.header('cache-control', cacheControl).header('etag', etag);
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.code(200).header('content-type', contentType).send(bytes);
}

/** The same, compressed for those who take it. `path` names the bytes for as long as the log lasts when they are a full bundle. */
export async function sendPacked(
  request: FastifyRequest,
  reply: FastifyReply,
  content: Omit<Content, 'etag'> & { compression: Compression; path: string; isFull: boolean },
): Promise<FastifyReply> {
  const { bytes, compression, path, isFull, ...kind } = content;
  reply.header('vary', 'accept-encoding');
  const packed = acceptsGzip(request.headers['accept-encoding'])
    ? await compression.gzip(path, bytes, isFull)
    : undefined;
  if (packed !== undefined) reply.header('content-encoding', 'gzip');
  return sendCached(request, reply, { ...(packed ?? tagged(bytes)), ...kind });
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  const text = String(header ?? '').toLowerCase();
  return text.split(',').some((part) => /^\s*gzip\s*(;\s*q=(?!0(\.0{0,3})?\s*$).*)?$/.test(part));
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}
