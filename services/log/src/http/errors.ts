import { grpcError, type Refusal } from '@sigstead/platform';
import type { FastifyReply } from 'fastify';
import { type LogError, PUSHBACK_TEXT } from '../core/errors.ts';

/** SPEC: rekor-tiles, --read-only: the text of a log that takes no entries, whatever the reason. */
const FROZEN = 'This log has been frozen, please switch to the latest log.';

/** Seconds after which a refused client may try again. */
const RETRY_AFTER_SEC = '1';

/** What a request over the limits gets, the same as sendLogError() makes of `queue_full`. */
export const PUSHBACK: Refusal = {
  status: 503,
  headers: { 'retry-after': RETRY_AFTER_SEC, 'content-type': 'application/json' },
  body: JSON.stringify({ code: 14, message: PUSHBACK_TEXT, details: [] }),
};

/** A LogError the way the upstream gateway writes it. The detail stays here. */
export function sendLogError(reply: FastifyReply, error: LogError): FastifyReply {
  switch (error.code) {
    case 'entry_refused':
    case 'entry_too_large':
    case 'invalid_request':
      return grpcError(reply, 400, 3, error.message);
    case 'read_only':
      return reply.code(405).header('content-type', 'text/plain; charset=utf-8').send(`${FROZEN}\n`);
    case 'queue_full':
    case 'closing':
    case 'halted':
    case 'unavailable':
      return grpcError(reply.header('retry-after', RETRY_AFTER_SEC), 503, 14, error.message);
    case 'deadline':
      return grpcError(reply, 504, 4, error.message);
    case 'cancelled':
      return grpcError(reply, 499, 1, error.message);
    case 'not_found':
      return grpcError(reply, 404, 5, error.message);
    case 'misconfigured':
    case 'internal':
      return grpcError(reply, 500, 13, 'internal server error');
  }
}
