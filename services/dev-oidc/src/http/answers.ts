import { sendJson } from '@sigstead/platform';
import type { FastifyReply } from 'fastify';
import type { OidcError } from '../core/errors.ts';
import { faultPage, type Page } from './pages.ts';

/** What every answer of this service carries: tokens and codes must not stay in a cache. SPEC: RFC 6749 §5.1. */
function common(reply: FastifyReply): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .header('pragma', 'no-cache')
    .header('x-content-type-options', 'nosniff');
}

/** Sends JSON that no cache keeps. */
export function sendPrivateJson(reply: FastifyReply, status: number, value: unknown): FastifyReply {
  return sendJson(common(reply), status, value);
}

/**
 * Sends a page. The referrer policy is not stricter than same-origin, or the login form would arrive with
 * `Origin: null` and could not be told from another site's.
 */
export function sendPage(reply: FastifyReply, status: number, page: Page): FastifyReply {
  return common(reply)
    .code(status)
    .header('content-security-policy', page.contentSecurityPolicy)
    .header('referrer-policy', 'same-origin')
    .header('x-frame-options', 'DENY')
    .type('text/html; charset=utf-8')
    .send(page.html);
}

/** Sends a person's browser back to the client; GET, whatever the method was. */
export function sendRedirect(reply: FastifyReply, location: string): FastifyReply {
  return common(reply).code(303).header('referrer-policy', 'no-referrer').header('location', location).send('');
}

/** A refusal as the JSON of RFC 6749 §5.2. */
export function sendOAuthError(reply: FastifyReply, error: OidcError): FastifyReply {
  const status = error.code === 'invalid_client' ? 401 : 400;
  if (status === 401) reply.header('www-authenticate', 'Basic realm="sigstead", charset="UTF-8"');
  const code = error.code === 'unusable_request' ? 'invalid_request' : error.code;
  return sendPrivateJson(reply, status, { error: code, error_description: error.message });
}

/** A refusal as a page. */
export function sendFaultPage(reply: FastifyReply, error: OidcError): FastifyReply {
  return sendPage(reply, 400, faultPage(error.message));
}
