import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface S3Object {
  bytes: Buffer;
  etag: string;
  contentType: string | undefined;
  cacheControl: string | undefined;
}

/** How one request goes wrong: before or after it was done; `cut` closes the connection, `silent` never answers. */
export interface S3Fault {
  done: boolean;
  answer: 'cut' | 'silent' | 408 | 409 | 429 | 500 | 503 | 403;
}

/** The part of S3 that an export uses, with what S3 promises about conditional writes. */
export interface S3Double {
  endpoint: string;
  objects: Map<string, S3Object>;
  /** Writes that came without a condition: there must be none. */
  unconditional: string[];
  /** Method and key of every request. */
  requests: string[];
  /** Asked before each request is carried out. */
  fault: (request: { method: string; key: string; number: number }) => S3Fault | undefined;
  /** Conditions that this storage does not know. */
  ignores: Set<'if-match' | 'if-none-match'>;
  /** Tags that stand already while the bytes of their write do not: a gateway that keeps them apart, in the middle of it. */
  tagsAhead: Map<string, string>;
  /** The tag of an object; default its MD5. */
  tagOf: (bytes: Uint8Array) => string;
  close(): Promise<void>;
}

export async function s3Double(): Promise<S3Double> {
  const server = createServer((request, response) => {
    // A request that was cut half-way has nobody to answer.
    handle(request, response).catch(() => response.destroy());
  });
  const double: S3Double = {
    endpoint: '',
    objects: new Map(),
    unconditional: [],
    requests: [],
    fault: () => undefined,
    ignores: new Set(),
    tagsAhead: new Map(),
    tagOf: md5Tag,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://s3');
    const key = decodeURIComponent(pathname.slice(1));
    const method = request.method ?? '';
    double.requests.push(`${method} ${key}`);
    const fault = double.fault({ method, key, number: double.requests.length });
    if (fault?.done === false) return fail(response, fault.answer);
    const answer = carryOut(double, request, { method, key, body, query });
    if (fault !== undefined) return fail(response, fault.answer);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  double.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return double;
}

export const md5Tag = (bytes: Uint8Array): string => `"${createHash('md5').update(bytes).digest('hex')}"`;

interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: Buffer | string;
}

function carryOut(
  double: S3Double,
  { headers }: IncomingMessage,
  { method, key, body, query }: { method: string; key: string; body: Buffer; query: URLSearchParams },
): Answer {
  if (headers.authorization?.startsWith('AWS4-HMAC-SHA256 Credential=') !== true) return refusal(403, 'AccessDenied');
  if (headers['content-encoding'] === 'aws-chunked') return refusal(501, 'NotImplemented');
  const there = double.objects.get(key);
  const tag = double.tagsAhead.get(key) ?? there?.etag;
  if (method === 'GET' && key.endsWith('/')) return listing(double, key, query);
  if (method === 'GET') {
    if (there === undefined) return refusal(404, 'NoSuchKey');
    const length = { 'content-length': String(there.bytes.length) };
    return { status: 200, headers: { etag: tag ?? '', ...length }, body: there.bytes };
  }
  if (method === 'DELETE') {
    double.objects.delete(key);
    return { status: 204, headers: {} };
  }
  if (method !== 'PUT') return refusal(405, 'MethodNotAllowed');
  const refused = checkCondition(double, headers, tag);
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) double.unconditional.push(key);
  if (refused !== undefined) return refused;
  const etag = double.tagOf(body);
  const { 'content-type': contentType, 'cache-control': cacheControl } = headers;
  double.objects.set(key, { bytes: body, etag, contentType, cacheControl });
  double.tagsAhead.delete(key);
  return { status: 200, headers: { etag } };
}

/** SPEC: Amazon S3 API, ListObjectsV2 */
function listing(double: S3Double, bucket: string, query: URLSearchParams): Answer {
  const prefix = bucket + (query.get('prefix') ?? '');
  const keys = [...double.objects.keys()].filter((key) => key.startsWith(prefix)).slice(0, 1000);
  const contents = keys.map((key) => `<Contents><Key>${key.slice(bucket.length)}</Key></Contents>`).join('');
  const body = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>${contents}</ListBucketResult>`;
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

/** SPEC: Amazon S3 API, conditional writes: 412 when it does not hold, 404 for If-Match without an object */
function checkCondition(
  { ignores }: S3Double,
  headers: IncomingMessage['headers'],
  tag: string | undefined,
): Answer | undefined {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
  if (ifNoneMatch !== undefined && !ignores.has('if-none-match')) {
    if (ifNoneMatch !== '*') return refusal(501, 'NotImplemented');
    if (tag !== undefined) return refusal(412, 'PreconditionFailed');
  }
  if (ifMatch === undefined || ignores.has('if-match')) return undefined;
  if (tag === undefined) return refusal(404, 'NoSuchKey');
  return tag === ifMatch ? undefined : refusal(412, 'PreconditionFailed');
}

function refusal(status: number, code: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

function fail(response: ServerResponse, answer: S3Fault['answer']): void {
  if (answer === 'silent') return;
  if (answer === 'cut') {
    response.socket?.destroy();
    return;
  }
  const code = { 403: 'AccessDenied', 408: 'RequestTimeout', 409: 'ConditionalRequestConflict', 429: 'SlowDown' };
  const { status, headers, body } = refusal(answer, (code as Record<number, string>)[answer] ?? 'InternalError');
  response.writeHead(status, headers).end(body);
}
