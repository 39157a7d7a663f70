import { goQuote } from './go-quote.ts';
import { escapeBytes, isWellEscaped, unescapeBytes } from './go-url-escape.ts';
import { parseHost } from './go-url-host.ts';

/**
 * URL reading and writing as Go's net/url does it, because a subject alternative name is exactly what that pair
 * gives: host case, default ports, dot segments and absent slashes stay; only what may not stand raw is escaped.
 * WHATWG URL changes several of these, so it is of no use here.
 *
 * SPEC: RFC 3986 §3, with the leniencies of net/url (relative references, opaque forms, raw query).
 */

/** A parsed URL. Byte strings (`path`, `host`, …) hold one char per byte; `toUrlString` gives Unicode text back. */
export interface GoUrl {
  readonly scheme: string;
  readonly opaque: string;
  readonly user: { readonly name: string; readonly password: string | undefined } | undefined;
  readonly host: string;
  readonly path: string;
  readonly rawPath: string;
  readonly omitHost: boolean;
  readonly forceQuery: boolean;
  readonly rawQuery: string;
  readonly fragment: string;
  readonly rawFragment: string;
}

/** The text is the one Go prints: `parse "<url>": <cause>`. */
export class GoUrlError extends Error {}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const EMPTY: GoUrl = {
  scheme: '',
  opaque: '',
  user: undefined,
  host: '',
  path: '',
  rawPath: '',
  omitHost: false,
  forceQuery: false,
  rawQuery: '',
  fragment: '',
  rawFragment: '',
};

const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const fromBytes = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** Parses any URL reference. Throws GoUrlError with Go's text. Linear in the length of `text`. */
export function parseGoUrl(text: string): GoUrl {
  const raw = toBytes(text);
  const hash = raw.indexOf('#');
  const beforeHash = hash < 0 ? raw : raw.slice(0, hash);
  const url: Mutable<GoUrl> = { ...EMPTY };
  try {
    parseWithoutFragment(url, beforeHash);
  } catch (error) {
    throw parseError(beforeHash, error);
  }
  if (hash < 0) return url;
  try {
    const fragment = raw.slice(hash + 1);
    url.fragment = unescapeBytes(fragment, 'fragment');
    url.rawFragment = escapeBytes(url.fragment, 'fragment') === fragment ? '' : fragment;
  } catch (error) {
    throw parseError(raw, error);
  }
  return url;
}

function parseError(url: string, cause: unknown): GoUrlError {
  const reason = cause instanceof Error ? cause.message : 'invalid';
  return new GoUrlError(`parse ${goQuote(fromBytes(url))}: ${reason}`);
}

function parseWithoutFragment(url: Mutable<GoUrl>, raw: string): void {
  if (/[\x00-\x1f\x7f]/.test(raw)) throw new Error('net/url: invalid control character in URL');
  if (raw === '*') {
    url.path = '*';
    return;
  }
  let rest = takeScheme(url, raw);
  rest = takeQuery(url, rest);
  if (!rest.startsWith('/')) {
    if (url.scheme !== '') {
      url.opaque = rest;
      return;
    }
    if (firstSegment(rest).includes(':')) throw new Error('first path segment in URL cannot contain colon');
  }
  setPath(url, takeAuthority(url, rest));
}

function takeScheme(url: Mutable<GoUrl>, raw: string): string {
  if (raw.startsWith(':')) throw new Error('missing protocol scheme');
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(raw);
  if (match?.[1] === undefined) return raw;
  url.scheme = match[1].toLowerCase();
  return raw.slice(match[0].length);
}

/** A lone trailing `?` is remembered, so that it can be written again. */
function takeQuery(url: Mutable<GoUrl>, rest: string): string {
  const mark = rest.indexOf('?');
  if (mark < 0) return rest;
  if (mark === rest.length - 1) url.forceQuery = true;
  else url.rawQuery = rest.slice(mark + 1);
  return rest.slice(0, mark);
}

function takeAuthority(url: Mutable<GoUrl>, rest: string): string {
  const hasAuthority = rest.startsWith('//') && (url.scheme !== '' || !rest.startsWith('///'));
  if (!hasAuthority) {
    url.omitHost = url.scheme !== '' && rest.startsWith('/');
    return rest;
  }
  const slash = rest.indexOf('/', 2);
  const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
  const at = authority.lastIndexOf('@');
  url.host = parseHost(authority.slice(at + 1));
  if (at >= 0) url.user = parseUser(authority.slice(0, at));
  return slash < 0 ? '' : rest.slice(slash);
}

function parseUser(text: string): NonNullable<GoUrl['user']> {
  if (!/^[A-Za-z0-9._:~!$&'()*+,;=%@-]*$/.test(text)) throw new Error('net/url: invalid userinfo');
  const colon = text.indexOf(':');
  if (colon < 0) return { name: unescapeBytes(text, 'user'), password: undefined };
  return { name: unescapeBytes(text.slice(0, colon), 'user'), password: unescapeBytes(text.slice(colon + 1), 'user') };
}

function setPath(url: Mutable<GoUrl>, raw: string): void {
  url.path = unescapeBytes(raw, 'path');
  url.rawPath = escapeBytes(url.path, 'path') === raw ? '' : raw;
}

function firstSegment(path: string): string {
  const slash = path.indexOf('/');
  return slash < 0 ? path : path.slice(0, slash);
}

/** The text Go's URL.String gives for `url`. */
export function goUrlToString(url: GoUrl): string {
  let out = url.scheme === '' ? '' : `${url.scheme}:`;
  if (url.opaque !== '') out += url.opaque;
  else out = writeHierarchy(url, out);
  if (url.forceQuery || url.rawQuery !== '') out += `?${url.rawQuery}`;
  if (url.fragment !== '') out += `#${preferRaw(url.rawFragment, url.fragment, 'fragment')}`;
  return fromBytes(out);
}

function writeHierarchy(url: GoUrl, start: string): string {
  let out = start;
  const named = url.host !== '' || url.user !== undefined;
  if ((url.scheme !== '' || named) && !(url.omitHost && !named)) {
    if (named || url.path !== '') out += '//';
    if (url.user !== undefined) out += `${userToString(url.user)}@`;
    out += escapeBytes(url.host, 'host');
  }
  const path = url.path === '*' && url.rawPath === '' ? '*' : preferRaw(url.rawPath, url.path, 'path');
  if (path !== '' && !path.startsWith('/') && url.host !== '') out += '/';
  if (out === '' && firstSegment(path).includes(':')) out += './';
  return out + path;
}

function userToString(user: NonNullable<GoUrl['user']>): string {
  const name = escapeBytes(user.name, 'user');
  return user.password === undefined ? name : `${name}:${escapeBytes(user.password, 'user')}`;
}

/** The spelling that was read is kept when it is a valid spelling of the same bytes. */
function preferRaw(raw: string, value: string, mode: 'path' | 'fragment'): string {
  if (raw !== '' && isWellEscaped(raw, mode) && unescapeBytes(raw, mode) === value) return raw;
  return escapeBytes(value, mode);
}

/** Host without port and without brackets (Unicode text). */
export function goUrlHostname(url: GoUrl): string {
  const host = fromBytes(url.host);
  const close = host.startsWith('[') ? host.indexOf(']') : -1;
  if (close >= 0) return host.slice(1, close);
  const colon = host.lastIndexOf(':');
  return colon >= 0 && /^:\d*$/.test(host.slice(colon)) ? host.slice(0, colon) : host;
}

/** Host with port, decoded (Unicode text). */
export function goUrlHost(url: GoUrl): string {
  return fromBytes(url.host);
}

/**
 * `base` with `below` joined to its path: slashes collapse, a final one stays, `.` vanishes. Unlike Go's JoinPath it
 * refuses what would leave the path of `base` (`..`) and broken escapes, which Go answers with the bare host.
 */
export function joinGoUrlPath(base: string, below: string): string {
  const url: Mutable<GoUrl> = parseGoUrl(base);
  const segments = toBytes(below)
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.');
  if (segments.length === 0 || segments.includes('..')) throw new GoUrlError('subject leaves the path of its issuer');
  const start = preferRaw(url.rawPath, url.path, 'path').replace(/\/+$/, '');
  const joined = `${start}/${segments.join('/')}${below.endsWith('/') ? '/' : ''}`;
  try {
    setPath(url, joined);
  } catch (error) {
    throw parseError(joined, error);
  }
  return goUrlToString({ ...url, omitHost: false });
}
