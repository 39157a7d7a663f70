import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createApp, type AppListener } from './app.ts';
import { answerClientError } from './client-error.ts';
import { stateOf } from './connection-state.ts';
import { LargeBodies } from './large-bodies.ts';
import { unlessLate } from './late.ts';
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
  const largeBodies = new LargeBodies(options.largeBodies);
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
      if (stateOf(socket).current?.headersSent === false) return;
      unlessLate({ socket, state: stateOf(socket) }, graceMs, () => socket.destroy());
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const answer = (): void => answerClientError(error, socket, stateOf(socket).current);
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') unlessLate({ socket, state: stateOf(socket) }, graceMs, answer);
      else answer();
    });
    return server;
  }

  function serve(request: IncomingMessage, response: ServerResponse): void {
    const state = stateOf(request.socket);
    state.heads += 1;
    if (isLingering(request.socket)) {
      request.socket.destroy();
      return;
    }
    // A server that closes refuses by itself what it no longer takes; the gate is for those that come to stay.
    if (!draining && !app.gates.pass(request, response)) return;
    if (!largeBodies.pass(request, response)) return;
    inFlight.add(response);
    state.current = response;
    response.on('close', afterAnswer);
    if (draining) response.setHeader('connection', 'close');
    handle?.(request, response);
  }

  /** One function for all answers: a closure for each is a good part of what a small one costs. */
  function afterAnswer(this: ServerResponse): void {
    inFlight.delete(this);
    const state = stateOf(this.req.socket);
    if (state.current === this) state.current = undefined;
    if (draining) setImmediate(() => servers.forEach((server) => server.closeIdleConnections()));
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
