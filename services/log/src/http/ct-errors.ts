import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { LogError } from '../core/errors.ts';

/** A LogError as CTFE writes errors. The detail stays here. */
export function sendCtError(reply: FastifyReply, error: LogError): FastifyReply {
  switch (error.code) {
    case 'entry_refused':
    case 'entry_too_large':
    case 'invalid_request':
      return sendCtText(reply, 400, error.message);
    case 'not_found':
      return sendCtText(reply, 404, error.message);
    case 'read_only':
      return sendCtText(reply, 403, error.message);
    case 'queue_full':
    case 'closing':
    case 'halted':
    case 'unavailable':
      return sendCtText(reply.header('retry-after', '1'), 503, error.message);
    case 'deadline':
      return sendCtText(reply, 504, error.message);
    case 'cancelled':
      return sendCtText(reply, 499, error.message);
    case 'misconfigured':
    case 'internal':
      return sendCtText(reply, 500, 'internal server error');
  }
}

/** The status' own text, and below it what was wrong. SPEC: certificate-transparency-go, ctfe SendHTTPError */
export function sendCtText(reply: FastifyReply, status: number, text: string): FastifyReply {
  const title = STATUS_CODES[status];
  const body = title === undefined ? `${text}\n` : `${title}\n${text}\n`;
  const plain = reply.code(status).header('content-type', 'text/plain; charset=utf-8');
  return plain.header('x-content-type-options', 'nosniff').send(body);
}
