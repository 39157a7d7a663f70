import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './addresses.ts';
import type { FetchJson } from './ports.ts';

export interface FetchLimits {
  /** Bytes of a body. */
  readonly maxBytes: number;
  /** For the whole of one document, redirects included. */
  readonly timeoutMs: number;
  readonly maxRedirects: number;
}

export const DEFAULT_FETCH_LIMITS: FetchLimits = { maxBytes: 1024 * 1024, timeoutMs: 5_000, maxRedirects: 3 };

export interface FetchJsonOptions {
  readonly limits?: Partial<FetchLimits>;
  /** Hosts (with port, if any) that may lie in a private network, because the operator wrote them into the configuration. */
  readonly isTrustedHost: (host: string) => boolean;
  /** PEM certificates trusted instead of the system's, per issuer. */
  readonly caCertificates?: (issuer: string) => string | undefined;
}

/**
 * FetchJson over the network. A host that the operator did not name is connected to only at a public address, and at
 * the very address that was checked; redirects stay on their host; nothing is decompressed; no credentials are sent.
 */
export function createFetchJson(options: FetchJsonOptions): FetchJson {
  const limits = { ...DEFAULT_FETCH_LIMITS, ...options.limits };
  return async ({ url, issuer }) => {
    const signal = AbortSignal.timeout(limits.timeoutMs);
    const ca = options.caCertificates?.(issuer);
    let target = new URL(url);
    for (let hops = 0; ; hops += 1) {
      const isTrusted = options.isTrustedHost(target.host);
      const response = await get(target, { signal, ca, isTrusted });
      const location = redirectOf(response);
      if (location === undefined) return readBody(response, limits.maxBytes);
      response.destroy();
      const next = new URL(location, target);
      if (next.protocol !== target.protocol || next.host !== target.host) throw new Error('redirect to another host');
      if (hops >= limits.maxRedirects) throw new Error('too many redirects');
      target = next;
    }
  };
}

function redirectOf(response: IncomingMessage): string | undefined {
  const { statusCode = 0, headers } = response;
  if (statusCode === 200) return undefined;
  if ([301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined) return headers.location;
  response.destroy();
  throw new Error(`status ${statusCode}`);
}

function get(
  target: URL,
  how: { signal: AbortSignal; ca: string | undefined; isTrusted: boolean },
): Promise<IncomingMessage> {
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw new Error(`cannot fetch ${target.protocol}`);
  if (target.username !== '' || target.password !== '') throw new Error('URL with credentials');
  const hostname = target.hostname.replace(/^\[|\]$/g, '');
  // An address in the URL never passes through a lookup, so it is checked here.
  if (!how.isTrusted && isIP(hostname) !== 0 && !isPublicAddress(hostname)) throw new Error('address is not public');
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
  const options: RequestOptions = {
    signal: how.signal,
    // A connection of its own: a pooled one could have been opened under another issuer's rules.
    agent: false,
    headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'sigstead-ca' },
    ...(how.isTrusted ? {} : { lookup: publicLookup }),
    ...(how.ca === undefined ? {} : { ca: how.ca }),
  };
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = send(target, options, resolve);
    sent.on('error', reject);
    // A server that changes the protocol (101) ends the request with neither an answer nor an error.
    sent.on('close', () => reject(new Error('closed without an answer')));
    sent.end();
  });
}

/** Resolves only to public addresses; the connection is then made to what was resolved here. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  systemLookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) return callback(error, '', 0);
    const [first] = addresses;
    if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
      return callback(Object.assign(new Error('address is not public'), { code: 'EACCES' }), '', 0);
    }
    if (options.all === true) return callback(null, addresses);
    return callback(null, first.address, first.family);
  });
};

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    // Leaving the loop destroys the stream.
    if (size > maxBytes) throw new Error(`body over ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
