export const TIMESTAMP_PATH = '/api/v1/timestamp';
export const CERTCHAIN_PATH = '/api/v1/timestamp/certchain';
export const PING_PATH = '/ping';
export const DOCS_PATH = '/docs';
export const SPEC_PATH = '/swagger.json';

/** For the HTTP server's `cleanPaths`: upstream's router cleans `//`, `..` and trailing slashes on its API paths. */
export const TSA_CLEAN_PATHS: readonly string[] = [TIMESTAMP_PATH];

/** The path of a request line as sent, percent escapes kept; characters that a URL may not hold are escaped. */
export function escapedPath(target: string): string {
  const path = /^(?:https?:\/\/[^/?#]*)?([^?]*)/i.exec(target)?.[1] ?? '';
  return path.replace(/[^\w\-.~!$&'()*+,/:;=@[\]%]/g, (char) =>
    [...Buffer.from(char, 'latin1')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** `//`, `.`, `..` and trailing slashes removed, never above the root. */
export function cleanPath(path: string): string {
  const out: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') out.pop();
    else if (segment !== '' && segment !== '.') out.push(segment);
  }
  return `/${out.join('/')}`;
}
