import type { FastifyReply } from 'fastify';
import { grpcStatus, type ServiceError } from '../errors.ts';

/** JSON with exactly `application/json` (no charset) and without spaces, as a gRPC gateway writes it. */
export function sendJson(reply: FastifyReply, status: number, value: unknown): FastifyReply {
  // As bytes: the framework appends a charset to JSON that it is given as text.
  const bytes = Buffer.from(JSON.stringify(value));
  return reply.code(status).header('content-type', 'application/json').send(bytes);
}

/** `{"code":…,"message":…,"details":[]}`. `code` is the gRPC status number. */
export function grpcError(reply: FastifyReply, status: number, code: number, message: string): FastifyReply {
  return sendJson(reply, status, { code, message, details: [] });
}

/** A ServiceError in gRPC-gateway form: the client's text only. */
export function sendServiceError(reply: FastifyReply, error: ServiceError): FastifyReply {
  const status = grpcStatus(error.code);
  return grpcError(reply, status.http, status.grpc, error.message);
}

/** What a gRPC gateway answers where no route is. */
export function grpcNotFound(reply: FastifyReply): FastifyReply {
  return grpcError(reply, 404, 5, 'Not Found');
}

/** What a gRPC gateway answers to a known path with a method it does not have. */
export function grpcWrongMethod(reply: FastifyReply): FastifyReply {
  return grpcError(reply, 501, 12, 'Method Not Allowed');
}
