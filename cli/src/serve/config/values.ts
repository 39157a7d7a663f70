import { isNoteName } from '@sigstead/formats';
import { c, DatabaseHosts, type Schema } from '@sigstead/platform';

/** An address to listen on. */
export interface ListenAddress {
  /** `localhost` means 127.0.0.1 and, where the machine has it, ::1. */
  readonly host: string;
  readonly port: number;
}

function text<T>(expected: string, accept: (value: string) => T | undefined): Schema<T> {
  return {
    expected,
    optional: false,
    read(value, at) {
      const accepted = typeof value === 'string' && value.length <= 4096 ? accept(value) : undefined;
      if (accepted === undefined) at.fail(value === undefined ? `missing (${expected})` : `must be ${expected}`);
      // After fail() the value is never handed out: the parser throws.
      return accepted as T;
    },
  };
}

/** Name of a log. */
export const logName: Schema<string> = c.string({
  pattern: /^[a-z0-9][a-z0-9._-]{0,62}$/,
  expected: 'a name of lower-case letters, digits, dot, dash and underscore',
});

/** `HOST:PORT`, an IPv6 address in brackets. */
export const listenAddress: Schema<ListenAddress> = text('HOST:PORT, such as 127.0.0.1:8080 or [::]:8080', (value) => {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[A-Za-z0-9._-]+)?)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(value);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host: host.toLowerCase(), port };
});

/** An http(s) URL of a service: given back without a final slash. */
export const serviceUrl: Schema<string> = text(
  'a URL (http or https) without credentials, query, fragment or final slash in its path',
  (value) => {
    const url = URL.parse(value);
    if (url === null || !/^https?:$/.test(url.protocol) || url.username + url.password !== '') return undefined;
    const path = url.pathname === '/' ? '' : url.pathname;
    const plain = path === '' || /^(?:\/[A-Za-z0-9][A-Za-z0-9._~-]*)+$/.test(path);
    const written = url.origin + path;
    return plain && (value === written || value === `${written}/`) ? written : undefined;
  },
);

/** Names of what a listener serves at its root, below which nothing else can be. */
const TAKEN = /^\/(?:api|checkpoint|ct|healthz|metrics|oidc|ping|readyz|tile)(?:\/|$)/;

/** Path below which a log is served on its listener. */
export const basePath: Schema<string> = text(
  'a path such as /rekor-2027, without a final slash, not below one that is taken (/api, /tile, /ct, /oidc, …)',
  (value) => (/^(?:\/[A-Za-z0-9][A-Za-z0-9._~-]*)+$/.test(value) && !TAKEN.test(value) ? value : undefined),
);

/** Name on a signature line. SPEC: C2SP signed-note, "Format" */
export const noteName: Schema<string> = text('a name without white space and plus sign', (value) =>
  isNoteName(value) && value.length <= 255 ? value : undefined,
);

/** Milliseconds since 1970 of an RFC 3339 time in UTC. */
export const time: Schema<number> = text('a time in UTC, such as 2026-11-01T00:00:00Z', (value) => {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/.test(value)) return undefined;
  const timeMs = Date.parse(value);
  // A day that no calendar has is moved by the parser.
  return Number.isNaN(timeMs) || !new Date(timeMs).toISOString().startsWith(value.slice(0, 19)) ? undefined : timeMs;
});

/** Address of a database; a password in it is refused: whoever may read the file would have it. */
export const databaseUrl: Schema<string> = text(
  'a PostgreSQL URL without a password, such as postgresql://sigstead@db.example.org/sigstead',
  (value) => {
    const authority = /^postgres(?:ql)?:\/\/([^/?#]*)(?:[/?]|$)/.exec(value)?.[1];
    if (authority === undefined || /[\s#]/.test(value) || /[?&]password=/i.test(value)) return undefined;
    return /:[^@]*@/.test(authority) || !isAddress(value) ? undefined : value;
  },
);

function isAddress(value: string): boolean {
  try {
    DatabaseHosts.parse(value);
    return true;
  } catch {
    return false;
  }
}

/** One server of a database. */
export interface DatabaseServer {
  /** Without brackets; the folder of a socket begins with a slash. */
  readonly host: string;
  readonly port: number;
}

/** `HOST` or `HOST:PORT`, an IPv6 address in brackets, or the folder of a socket, with a port or without. */
export const databaseServer: Schema<DatabaseServer> = text(
  'HOST or HOST:PORT, such as db1.example.org:5432, or the folder of a socket',
  (value) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|(\/[^\s:,]*|[A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(value);
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3] ?? '5432');
    return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
  },
);

/** A file's path; a relative one counts from the configuration's folder. */
export const filePath: Schema<string> = text('the path of a file', (value) =>
  value === '' || value.includes('\0') || value.includes('-----BEGIN') ? undefined : value,
);

/** Name of an environment variable. */
export const variableName: Schema<string> = text('the name of an environment variable', (value) =>
  /^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(value) ? value : undefined,
);
