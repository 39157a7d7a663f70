/** What was wrong with a request before its handler ran, told from the error given to an error handler. */
export type RequestFault = 'body_too_large' | 'body_incomplete';

/**
 * For a service's own error handler: `body_too_large` when the body passed the route's limit (the connection is
 * closed after the answer), `body_incomplete` when the client broke off or the length did not fit; else undefined.
 */
export function requestFault(error: unknown): RequestFault | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'body_too_large';
  if (code === 'FST_ERR_CTP_INVALID_CONTENT_LENGTH') return 'body_incomplete';
  const broken = code === 'ECONNRESET' || code === 'HPE_INVALID_CHUNK_SIZE' || code === 'ERR_STREAM_PREMATURE_CLOSE';
  return broken && statusCode === 400 ? 'body_incomplete' : undefined;
}
