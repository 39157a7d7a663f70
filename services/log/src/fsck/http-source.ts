import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { createGunzip } from 'node:zlib';
import { SourceError, type TreeSource } from './source.ts';

export interface HttpSourceLimits {
  /** For one try, from the first byte sent to the last one received, ms. */
  readonly tryMs: number;
  readonly tries: number;
  /** Pause before the second try, ms; doubles with each further one. */
  readonly firstPauseMs: number;
  /** Longest pause, also when the server asks for more. */
  readonly longestPauseMs: number;
}

export const HTTP_SOURCE_LIMITS: HttpSourceLimits = {
  tryMs: 30_000,
  tries: 5,
  firstPauseMs: 200,
  longestPauseMs: 10_000,
};

export interface HttpSourceOptions {
  /** Where `checkpoint` and `tile/` are; http or https. */
  readonly url: URL;
  /** Connections at most. */
  readonly connections: number;
  readonly pause: (ms: number) => Promise<void>;
  readonly limits?: HttpSourceLimits;
}

/** Headers of a compressed answer, and what a deflate stream may add to bytes it cannot compress. */
const GZIP_SLACK_BYTES = 64 * 1024;

/** What came of one try. */
type Tried =
  | { kind: 'found'; bytes: Uint8Array }
  | { kind: 'missing' }
  | { kind: 'again'; error: SourceError; afterMs: number };

/**
 * A log behind an HTTP server that is not trusted: no answer is read further than its resource may be long, no try
 * lasts longer than its limit, redirects are not followed.
 */
export function httpSource(options: HttpSourceOptions): TreeSource {
  const { pause, limits = HTTP_SOURCE_LIMITS } = options;
  const base = baseOf(options.url);
  const agentOptions = { keepAlive: true, maxSockets: options.connections };
  const agent = base.protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  return {
    name: nameOf(base),
    async read(path, maxBytes) {
      for (let attempt = 1; ; attempt++) {
        const tried = await tryOnce({ url: new URL(path, base), path, maxBytes, agent, limits });
        if (tried.kind === 'found') return tried.bytes;
        if (tried.kind === 'missing') return undefined;
        if (attempt >= limits.tries) throw tried.error;
        const own = limits.firstPauseMs * 2 ** (attempt - 1);
        await pause(Math.min(Math.max(own, tried.afterMs), limits.longestPauseMs));
      }
    },
    close() {
      agent.destroy();
      return Promise.resolve();
    },
  };
}

function baseOf(url: URL): URL {
  const base = new URL(url);
  base.search = '';
  base.hash = '';
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  return base;
}

function nameOf(base: URL): string {
  const name = new URL(base);
  name.username = '';
  name.password = '';
  return name.href;
}

interface Try {
  readonly url: URL;
  readonly path: string;
  readonly maxBytes: number;
  readonly agent: HttpAgent;
  readonly limits: HttpSourceLimits;
}

async function tryOnce(one: Try): Promise<Tried> {
  try {
    const response = await send(one);
    const settled = judge(one.path, response);
    if (settled !== undefined) {
      response.destroy();
      return settled;
    }
    return { kind: 'found', bytes: await receive(response, one) };
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    const late = cause instanceof Error && cause.name === 'AbortError';
    const why = late ? `no whole answer within ${one.limits.tryMs} ms` : reason(cause);
    const error = new SourceError('unreachable', `${one.path}: no answer (${why})`, { cause });
    return { kind: 'again', error, afterMs: 0 };
  }
}

function send({ url, agent, limits }: Try): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(limits.tryMs);
    const headers = { 'accept-encoding': 'gzip', 'user-agent': 'sigstead-fsck' };
    const sent = request(url, { agent, signal, headers }, resolve);
    sent.on('error', reject);
    sent.end();
  });
}

/** What the status alone decides; undefined when there is a body to read. */
function judge(path: string, response: IncomingMessage): Tried | undefined {
  const status = response.statusCode ?? 0;
  if (status === 200) return undefined;
  if (status === 404 || status === 410) return { kind: 'missing' };
  const moved = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
  const error = new SourceError('unreadable', `${path}: the server answered ${status}${moved}`);
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: 'again', error, afterMs: retryAfterMs(response.headers['retry-after']) };
  }
  throw error;
}

/** SPEC: RFC 9110 §10.2.3, the seconds form. */
function retryAfterMs(header: string | undefined): number {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : 0;
}

async function receive(response: IncomingMessage, { path, maxBytes }: Try): Promise<Uint8Array> {
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return collect(response, path, maxBytes);
  if (encoding !== 'gzip') {
    response.destroy();
    throw new SourceError('unreadable', `${path}: an encoding nobody asked for`);
  }
  const packed = await collect(response, path, maxBytes + GZIP_SLACK_BYTES);
  const unpack = createGunzip();
  unpack.end(packed);
  try {
    return await collect(unpack, path, maxBytes);
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    throw new SourceError('unreadable', `${path}: the answer does not unpack`, { cause });
  }
}

/** Leaving the loop early destroys the stream, so a body without end is cut where it is too long. */
async function collect(stream: AsyncIterable<Buffer>, path: string, maxBytes: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stream) {
    length += part.length;
    if (length > maxBytes) throw new SourceError('unreadable', `${path} is larger than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** With several addresses of one name the first failure speaks for all. */
function reason(cause: unknown): string {
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const code = first instanceof Error ? (first as NodeJS.ErrnoException).code : undefined;
  return code ?? (first instanceof Error ? first.message : String(first));
}
