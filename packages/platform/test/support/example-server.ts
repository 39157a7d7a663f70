import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before } from 'node:test';
import {
  createHttpServer,
  type Metrics,
  grpcTimeout,
  methodTable,
  requestFault,
  sendJson,
  sendServiceError,
  ServiceError,
  silentLogger,
  type HttpServer,
  type HttpServerOptions,
} from '@sigstead/platform';

/** Routes that show what reached them, and two that fail. */
export function exampleServer(options: Partial<HttpServerOptions> & { metrics: Metrics }): HttpServer {
  const made = createHttpServer({ logger: silentLogger, ...options });
  made.app.register(async (app) => {
    methodTable(app, '/api/v2/trustBundle', { GET: (_q, reply) => sendJson(reply, 200, { ok: true }) });
    methodTable(app, '/api/v2/log/entries', {
      POST: (q, reply) =>
        sendJson(reply, 201, { n: q.bytes.length, type: q.sentContentType ?? null, query: q.sentQuery }),
    });
    methodTable(app, '/api/v1/timestamp/certchain', { GET: (q, reply) => sendJson(reply, 200, { path: q.sentPath }) });
    methodTable(app, '/boom', {
      GET: () => {
        throw new Error('secret internals');
      },
      POST: () => {
        throw new ServiceError('unavailable', { message: 'try later', detail: 'secret detail' });
      },
    });
    app.get('/tile/*', (q, reply) => sendJson(reply, 200, q.params));
    app.get('/timeout', (q, reply) => sendJson(reply, 200, grpcTimeout(q.headers)));
  });
  made.app.register(async (app) => {
    app.setErrorHandler((error, _q, reply) => {
      if (requestFault(error) === 'body_too_large') return sendJson(reply, 400, { mine: true });
      return sendServiceError(reply, error as ServiceError);
    });
    methodTable(app, '/small', { POST: (_q, reply) => sendJson(reply, 200, {}) }, undefined, { bodyLimit: 10 });
  });
  return made;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** The server for all tests of a file, and clients of it. */
export function serveExample(metrics: Metrics) {
  const server = exampleServer({ metrics, bodyLimit: 1000, cleanPaths: ['/api/v1/timestamp'] });
  let port = 0;
  before(async () => {
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });
  after(() => server.close());
  return clients(() => port);
}

/** The port is asked for when a request is made: the server listens after the file is read. */
function clients(port: () => number) {
  function send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string | Buffer,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const q = httpRequest({ host: '127.0.0.1', port: port(), method, path, headers }, (r) => {
        const chunks: Buffer[] = [];
        r.on('data', (chunk: Buffer) => chunks.push(chunk));
        r.on('end', () =>
          resolve({ status: r.statusCode ?? 0, headers: r.headers, text: Buffer.concat(chunks).toString() }),
        );
      });
      q.on('error', reject);
      q.end(body);
    });
  }
  /** Sends bytes as they are and gives back all that comes until the other side closes. */
  function raw(bytes: string, onOpen?: (socket: Socket) => void, at = port()): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(at, '127.0.0.1', () => {
        socket.write(bytes);
        onOpen?.(socket);
      });
      let out = '';
      socket.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(out));
    });
  }
  return { send, raw };
}
