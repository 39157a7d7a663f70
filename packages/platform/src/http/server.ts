import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createApp, type AppListener } from './app.ts';
import { answerClientError } from './client-error.ts';
import { type Connection, unlessLate } from './late.ts';
import { isLingering } from './linger.ts';
import { closeAll, openListeners } from './listen.ts';
import type { HttpServer, HttpServerOptions, ListenOptions } from './types.ts';

const DEFAULT_CLOSE_DEADLINE_MS = 10_000;
const TIMEOUT_CHECK_MS = 1000;

/**
 * A hardened HTTP server: bodies are bounded while they arrive, slow heads and bodies time out, every method and
 * content type reaches the route, nothing internal reaches the client. It listens only when told.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const inFlight = new Set<ServerResponse>();
  const current = new WeakMap<object, ServerResponse>();
  const heads = new WeakMap<object, number>();
  const graceMs = options.timeoutCheckMs ?? TIMEOUT_CHECK_MS;
  const servers: Server[] = [];
  let handle: AppListener | undefined;
  let draining = false;
  let closed: Promise<void> | undefined;

  const app = createApp(options, (handler) => {
    handle = handler;
    return newServer();
  });

  function newServer(): Server {
    const server = createServer(serverOptions(options), serve);
    server.keepAliveTimeout = options.keepAliveTimeoutMs ?? 60_000;
    server.timeout = options.stallTimeoutMs ?? 120_000;
    server.on('timeout', (socket: Socket) => {
      // With a listener node:http leaves the end to us, of idle connections too. Work on an answer may take longer.
      if (current.get(socket)?.headersSent === false) return;
      unlessLate(connectionOf(socket), graceMs, () => socket.destroy());
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const answer = (): void => answerClientError(error, socket, current.get(socket));
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') unlessLate(connectionOf(socket), graceMs, answer);
      else answer();
    });
    return server;
  }

  function connectionOf(socket: Socket): Connection {
    return { socket, heads: () => heads.get(socket) ?? 0, current: () => current.get(socket) };
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    heads.set(request.socket, (heads.get(request.socket) ?? 0) + 1);
    if (isLingering(request.socket)) {
      request.socket.destroy();
      return;
    }
    // A server that closes refuses by itself what it no longer takes; the gate is for those that come to stay.
    if (!draining && !app.gates.pass(request, response)) return;
    track(request.socket, response);
    if (draining) response.setHeader('connection', 'close');
    handle?.(request, response);
  }

  function track(socket: Socket, response: ServerResponse): void {
    inFlight.add(response);
    current.set(socket, response);
    response.once('close', () => {
      inFlight.delete(response);
      if (current.get(socket) === response) current.delete(socket);
      if (draining) setImmediate(() => servers.forEach((server) => server.closeIdleConnections()));
    });
  }

  async function listen(at: ListenOptions): Promise<{ port: number; addresses: string[] }> {
    if (draining) throw new Error('the server is closed');
    await app.ready();
    const opened = await openListeners(newServer, at);
    servers.push(...opened.servers);
    return { port: opened.port, addresses: opened.addresses };
  }

  async function shutDown(deadlineMs: number): Promise<void> {
    draining = true;
    for (const response of inFlight) if (!response.headersSent) response.setHeader('connection', 'close');
    await closeAll(servers, deadlineMs);
    await app.close();
  }

  return {
    app,
    listen,
    close: (how) => {
      closed ??= shutDown(how?.deadlineMs ?? DEFAULT_CLOSE_DEADLINE_MS);
      return closed;
    },
  };
}

function serverOptions(options: HttpServerOptions): Parameters<typeof createServer>[0] & object {
  return {
    maxHeaderSize: options.maxHeaderSize ?? 16 * 1024,
    headersTimeout: options.headersTimeoutMs ?? 10_000,
    requestTimeout: options.requestTimeoutMs ?? 20_000,
    connectionsCheckingInterval: options.timeoutCheckMs ?? TIMEOUT_CHECK_MS,
    requireHostHeader: true,
    insecureHTTPParser: false,
  };
}
