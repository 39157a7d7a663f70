import { FormatError } from '@sigstead/formats';
import { parseTilePath, TILE_WIDTH, type TilePath } from '@sigstead/merkle';
import { type HttpHandler, methodTable } from '@sigstead/platform';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ctCheckpoint } from '../core/ct/checkpoint.ts';
import { dataTile } from '../core/ct/data-tile.ts';
import { LogError } from '../core/errors.ts';
import type { CtDesk } from '../ct/desk.ts';
import { FRESH, IMMUTABLE, sendCached, sendPacked, SHORT } from './cached.ts';
import { Compression, tagged } from './compression.ts';
import { sendCtText } from './ct-errors.ts';

/** SPEC: C2SP static-ct-api, "Merkle Tree": levels 0 to 5 */
const MAX_LEVEL = 5;

/**
 * The monitoring prefix of a log: `checkpoint`, tiles of hashes, data tiles and issuers. It is the submission prefix too.
 * SPEC: C2SP static-ct-api, "Monitoring APIs"
 */
export function registerStaticCt(
  app: FastifyInstance,
  ct: CtDesk,
  options: {
    prefix: string;
    wrongMethod: (request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]) => FastifyReply;
  },
): void {
  const { prefix, wrongMethod } = options;
  const compression = new Compression();
  const checkpoint: HttpHandler = async (request, reply) => {
    const { origin, personality } = ct;
    const bytes = ctCheckpoint({ origin, logId: personality.logId }, await ct.currentSth());
    return sendCached(request, reply, {
      ...tagged(bytes),
      contentType: 'text/plain; charset=utf-8',
      cacheControl: FRESH,
    });
  };
  const tile: HttpHandler = async (request, reply) => {
    const path = request.sentPath.slice(prefix.length + 1);
    const parsed = parseStaticTilePath(path);
    const isFull = parsed?.width === TILE_WIDTH;
    const kind = { contentType: 'application/octet-stream', cacheControl: isFull ? IMMUTABLE : SHORT };
    if (parsed?.kind === 'tile') {
      const bytes = await ct.log.reader.resource(parsed);
      return bytes === undefined ? notFound(reply) : sendCached(request, reply, { ...tagged(bytes), ...kind });
    }
    const records = parsed === undefined ? undefined : await ct.log.reader.records(parsed);
    if (records === undefined) return notFound(reply);
    const bytes = stored(() => dataTile(records, ct.leaves.sha256));
    return sendPacked(request, reply, { bytes, compression, path, isFull, ...kind });
  };
  const issuer: HttpHandler = async (request, reply) => {
    const [, hex] = /^issuer\/([0-9a-f]{64})$/.exec(request.sentPath.slice(prefix.length + 1)) ?? [];
    const bytes = hex === undefined ? undefined : await ct.issuers.find(Buffer.from(hex, 'hex'));
    if (bytes === undefined) return notFound(reply);
    return sendCached(request, reply, {
      ...tagged(bytes),
      contentType: 'application/pkix-cert',
      cacheControl: IMMUTABLE,
    });
  };
  const routes = { checkpoint, 'tile/*': tile, 'issuer/*': issuer };
  for (const [path, handler] of Object.entries(routes)) {
    methodTable(app, `${prefix}/${path}`, { GET: handler, HEAD: handler }, wrongMethod);
  }
}

/** `tile/data/…` in the place of the bundles of tlog-tiles, which this layout has not. */
export function parseStaticTilePath(path: string): TilePath | undefined {
  if (path.startsWith('tile/entries/')) return undefined;
  const parsed = parseTilePath(path.replace(/^tile\/data\//, 'tile/entries/'));
  return parsed?.kind === 'tile' && parsed.level > MAX_LEVEL ? undefined : parsed;
}

/** What does not decode was stored by nobody of ours. */
function stored<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new LogError('internal', 'internal error', {
      detail: `a stored entry does not decode: ${cause.message}`,
      cause,
    });
  }
}

function notFound(reply: FastifyReply): FastifyReply {
  return sendCtText(reply, 404, 'no such resource');
}
