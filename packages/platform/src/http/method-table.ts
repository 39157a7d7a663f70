import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { grpcWrongMethod } from './reply.ts';

export type HttpHandler = (request: FastifyRequest, reply: FastifyReply) => unknown;
export type WrongMethodHandler = (request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]) => unknown;

/**
 * Registers every method of `path`: the listed ones go to their handler, all others (HEAD and OPTIONS too) to
 * `onWrongMethod`, which by default answers as a gRPC gateway does (501, code 12).
 */
export function methodTable(
  app: FastifyInstance,
  path: string,
  handlers: Readonly<Record<string, HttpHandler>>,
  onWrongMethod: WrongMethodHandler = (_request, reply) => grpcWrongMethod(reply),
  options: RouteShorthandOptions = {},
): void {
  const table = new Map(Object.entries(handlers));
  const allowed = [...table.keys()].sort();
  app.all(path, options, (request, reply) => {
    const handler = table.get(request.method);
    return handler === undefined ? onWrongMethod(request, reply, allowed) : handler(request, reply);
  });
}
