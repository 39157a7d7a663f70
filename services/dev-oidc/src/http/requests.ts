import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { OidcError } from '../core/errors.ts';
import { type Params, readParams } from '../core/form.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The query as parameters. */
export function queryParams(request: FastifyRequest): Params {
  return readParams(request.sentQuery);
}

/** A form body as parameters. */
export function formParams(request: FastifyRequest): Params {
  if (mediaType(request) !== 'application/x-www-form-urlencoded') {
    throw new OidcError('unusable_request', 'the body must be application/x-www-form-urlencoded');
  }
  return readParams(bodyText(request));
}

/**
 * A JSON body. The content type and the absence of an Origin header are what keeps web pages out: a page cannot send
 * the first to another origin without being asked for permission, which is never given, and cannot leave out the second.
 */
export function jsonBodyFromTool(request: FastifyRequest): Record<string, unknown> {
  if (request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined) {
    throw new OidcError('unusable_request', 'this address is not for web pages');
  }
  if (mediaType(request) !== 'application/json') {
    throw new OidcError('unusable_request', 'the body must be application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(bodyText(request));
  } catch {
    throw new OidcError('invalid_request', 'the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OidcError('invalid_request', 'the body must be a JSON object');
  }
  return { ...value };
}

/**
 * Refuses a form that another site's page sent. Browsers name the origin of every form they post. A site whose name was
 * made to lead here (DNS rebinding) names itself as origin and as host alike: so the name must be one of ours too.
 */
export function refuseForeignForm(request: FastifyRequest, publicUrl: string): void {
  const site = request.headers['sec-fetch-site'];
  const { origin, host } = request.headers;
  const sameSite = site === undefined || site === 'same-origin' || site === 'none';
  const from = origin === undefined ? undefined : URL.parse(origin);
  const sameOrigin = from === undefined || (from?.host === host && isOwnName(from?.hostname ?? '', publicUrl));
  if (!sameSite || !sameOrigin) throw new OidcError('unusable_request', 'the form was sent from another site');
}

/** Names that only we, or the machine's owner, can make lead here. */
function isOwnName(hostname: string, publicUrl: string): boolean {
  const isAddress = isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
  return isAddress || hostname === 'localhost' || hostname === URL.parse(publicUrl)?.hostname;
}

function mediaType(request: FastifyRequest): string {
  return (request.sentContentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function bodyText(request: FastifyRequest): string {
  try {
    return utf8.decode(request.bytes);
  } catch {
    throw new OidcError('unusable_request', 'the body is not UTF-8');
  }
}
