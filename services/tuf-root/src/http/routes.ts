import { grpcNotFound, type Routes, sendJson } from '@sigstead/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServedFiles } from './served-files.ts';

const METADATA = /^([1-9]\d{0,14})\.(root|targets|snapshot)\.json$/;
const TARGET = /^targets\/([0-9a-f]{64})\.([A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/;

/**
 * The published tree below `prefix` (`/tuf`, or empty for the root of a host). GET and HEAD; 404 for every file that is not there, which
 * clients need to end their walk of roots; nothing may be kept by caches, a 404 least of all.
 */
export function tufRoutes(files: ServedFiles, prefix: string): Routes {
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return sendJson(reply.header('allow', 'GET, HEAD'), 405, {
        code: 12,
        message: 'Method Not Allowed',
        details: [],
      });
    }
    const path = pathBelow(request.sentPath, prefix);
    const bytes = path === undefined ? undefined : await find(files, path);
    if (!bytes || path === undefined) return grpcNotFound(reply);
    reply.header('content-type', path.endsWith('.json') ? 'application/json' : 'application/octet-stream');
    reply.header('content-length', bytes.length);
    return reply.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  };
  return (app) => {
    app.all(`${prefix}/*`, answer);
    return Promise.resolve();
  };
}

/** Slashes in a row count as one: clients given a mirror URL with a final slash ask for `//targets/…`. */
function pathBelow(path: string, prefix: string): string | undefined {
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1).replace(/^\/+|(?<=\/)\/+/g, '') : undefined;
}

async function find(files: ServedFiles, path: string): Promise<Uint8Array | undefined> {
  if (path === 'timestamp.json') return files.timestamp();
  if (path === 'root.json') return files.newestRoot();
  const metadata = METADATA.exec(path);
  if (metadata) return files.metadata(metadata[2] as 'root' | 'targets' | 'snapshot', Number(metadata[1]));
  const target = TARGET.exec(path);
  return target ? files.target(target[2] ?? '', Buffer.from(target[1] ?? '', 'hex')) : undefined;
}
