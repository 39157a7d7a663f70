/** What a request line's target means, before any routing. */
export interface Target {
  /** Percent-decoded path. Bytes that are no UTF-8 stand in it as `%XX`. */
  path: string;
  /** What follows the first `?`, as sent; empty when there is none. */
  query: string;
  /** The target in the one spelling that the router sees. */
  routed: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads an origin-form or absolute-form target (SPEC: RFC 9112 §3.2). The path is decoded once, also `%2F`, as the
 * upstream servers route on the decoded path. `undefined` for a bad percent escape or another form.
 */
export function parseTarget(target: string): Target | undefined {
  const origin = target.startsWith('/') ? target : originForm(target);
  if (origin === undefined) return undefined;
  const cut = origin.indexOf('?');
  const rawPath = cut < 0 ? origin : origin.slice(0, cut);
  const query = cut < 0 ? '' : origin.slice(cut + 1);
  const path = decodePath(rawPath);
  if (path === undefined) return undefined;
  return { path, query, routed: routedForm(path, query) };
}

/** A path for the router: what would end the path or be decoded again is escaped. */
export function routedForm(path: string, query: string): string {
  const escaped = path.replace(/[%?#]/g, (char) => encodeURIComponent(char));
  return query === '' ? escaped : `${escaped}?${query}`;
}

/** `http://host/path` → `/path`. */
function originForm(target: string): string | undefined {
  const match = /^https?:\/\/[^/?#]+/i.exec(target);
  if (match === null) return undefined;
  const rest = target.slice(match[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

function decodePath(raw: string): string | undefined {
  if (!raw.includes('%')) return raw;
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return undefined;
  return raw.replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeRun);
}

function decodeRun(run: string): string {
  const bytes = Buffer.from(run.replaceAll('%', ''), 'hex');
  try {
    return utf8.decode(bytes);
  } catch {
    // The ASCII among it keeps its meaning, the rest stays escaped: a path that no route knows, but no bad request.
    return run.replace(/%[0-7][0-9A-Fa-f]/g, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
  }
}

/**
 * `//`, `.`, `..` and a trailing slash removed, never above the root.
 * SPEC: RFC 3986 §5.2.4, with duplicate slashes as one.
 */
export function cleanPath(path: string): string {
  const out: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') out.pop();
    else if (segment !== '' && segment !== '.') out.push(segment);
  }
  return `/${out.join('/')}`;
}
