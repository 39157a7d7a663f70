import type { FastifyReply } from 'fastify';
import type { OutageCode } from '../core/errors.ts';
import type { RefusalCode } from '../core/refusal.ts';
import { goJson } from './go-text.ts';

export const REPLY_TYPE = 'application/timestamp-reply';
const JSON_TYPE = 'application/json';

const GENERIC = 'Error generating timestamp response';

/** The answer of upstream's framework: routing, media types, missing body. */
export function frameworkError(reply: FastifyReply, status: number, message: string, code = status): FastifyReply {
  return send(reply, status, JSON_TYPE, goJson({ code, message }));
}

/** The answer of upstream's handler. It is JSON under the media type of a token (recorded). */
export function handlerError(reply: FastifyReply, status: number, message = GENERIC): FastifyReply {
  return send(reply, status, REPLY_TYPE, goJson({ code: status, message }));
}

/** Bytes with exactly this media type: given text, the web framework would add a charset. */
export function send(reply: FastifyReply, status: number, type: string, body: string | Uint8Array): FastifyReply {
  return reply
    .code(status)
    .header('content-type', type)
    .send(Buffer.from(body as Uint8Array));
}

/** SPEC: recorded answers of timestamp-authority 2.1.3. */
export function refusalText(code: RefusalCode): string {
  switch (code) {
    case 'malformed':
      return GENERIC;
    case 'too_large':
      return 'timestamp request is too large';
    case 'oid_text':
      return 'OID should be comprised of at most 128 components';
    case 'weak_hash':
      return 'Weak hash algorithm in timestamp request';
    case 'digest_length':
      return 'Message digest has incorrect length for specified algorithm';
    case 'policy':
      return 'unaccepted policy: requested TSA policy is not supported by the TSA';
    case 'extension':
      return 'unaccepted extension: requested extensions are not supported by the TSA';
  }
}

/** 503 where waiting or an operator helps, 500 where we are broken. Clients retry both. */
export function outageStatus(code: OutageCode): 500 | 503 {
  switch (code) {
    case 'clock_behind':
    case 'outside_validity':
    case 'floor_unavailable':
    case 'signer_failed':
    case 'signer_timeout':
      return 503;
    case 'self_check_failed':
      return 500;
  }
}

/** SPEC: recorded; `expires` is the Unix epoch. */
export function noCache(reply: FastifyReply): void {
  reply.headers({
    'cache-control': 'no-cache, no-store, no-transform, must-revalidate, private, max-age=0',
    expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
    pragma: 'no-cache',
    'x-accel-expires': '0',
  });
}
