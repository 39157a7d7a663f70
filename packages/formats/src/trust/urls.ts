import { TrustError } from './errors.ts';

const MAX_URL_CHARS = 2048;

/** Checks an absolute http(s) URL without credentials, query, fragment or white space. Throws `url_invalid`. */
export function checkUrl(text: string, path: string): URL {
  const url =
    typeof text === 'string' && text.length <= MAX_URL_CHARS && URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new TrustError('url_invalid', path, 'not an absolute http or https URL');
  }
  const odd = url.username !== '' || url.password !== '' || /[?#\s\\]/.test(text) || !/^https?:\/\/[^/]/.test(text);
  if (odd) throw new TrustError('url_invalid', path, 'URL with credentials, query, fragment or white space');
  return url;
}

/** Host name without port and brackets: what clients expect as the origin of a Rekor v2 log. */
export function urlHostname(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

const INTERNAL_NAME = /(?:^|\.)(?:svc|svc\.cluster\.local|cluster\.local|local|internal|localhost)$/;
const INTERNAL_V4 = /^(?:127\.|10\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|0\.)/;
const INTERNAL_V6 = /^(?:::1?$|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/;

/** Does the host look as if only one machine, cluster or private network could reach it? SPEC: RFC 1918, RFC 4193, RFC 6761 */
export function isInternalHost(hostname: string): boolean {
  if (hostname.includes(':')) return INTERNAL_V6.test(hostname);
  if (/^[0-9.]+$/.test(hostname)) return INTERNAL_V4.test(hostname);
  return !hostname.includes('.') || INTERNAL_NAME.test(hostname.replace(/\.$/, ''));
}
