import { goQuote } from './go-text.ts';
import { parseMediaType } from './media-type.ts';

/** Which parser a body goes to; `other` passes the framework's check and is then refused by the handler. */
export type BodyFormat = 'der' | 'json' | 'other' | 'not_application';

export interface ContentTypeFault {
  status: 400 | 415;
  message: string;
}

/**
 * The framework's check of a request with a body: the media type must parse and be one of `consumes`. Wildcards, to
 * which upstream answers 500, are types we do not take: 415.
 */
export function contentTypeFault(
  header: string | undefined,
  consumes: readonly string[],
): ContentTypeFault | undefined {
  const sent = header ?? '';
  const parsed = parseMediaType(sent === '' ? 'application/octet-stream' : sent);
  if (!parsed.ok) return parseFault(sent, parsed.reason);
  const { essence } = parsed;
  if (!essence.includes('/')) return parseFault(essence, `mediatype: malformed: ${goQuote(essence)} has no subtype`);
  if (consumes.includes(essence)) return undefined;
  const message = `unsupported media type ${goQuote(essence)}, only [${consumes.join(' ')}] are allowed`;
  return { status: 415, message };
}

function parseFault(value: string, reason: string): ContentTypeFault {
  return { status: 400, message: `parsing Content-Type header from ${goQuote(value)} failed, because ${reason}` };
}

/**
 * The handler's own reading, which looks at the text and not at the media type: parameters and capitals are not
 * understood (recorded).
 */
export function bodyFormat(header: string | undefined): BodyFormat {
  const parts = (header ?? '').split('application/');
  if (parts.length !== 2) return 'not_application';
  if (parts[1] === 'timestamp-query') return 'der';
  return parts[1] === 'json' ? 'json' : 'other';
}
