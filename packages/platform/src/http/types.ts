import type { FastifyInstance } from 'fastify';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { Gates } from './gate.ts';
import type { LargeBodyLimits } from './large-bodies.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Turn requests away before anything of them is read. */
    readonly gates: Gates;
  }
  interface FastifyRequest {
    /** Content-Type as the client sent it; it takes no part in how the body is read. */
    readonly sentContentType: string | undefined;
    /** Percent-decoded path as sent (not cleaned), without the query. */
    readonly sentPath: string;
    /** The query as sent, without `?`; empty when there is none. */
    readonly sentQuery: string;
    /** The whole body; empty when there is none, and for methods that carry none (GET, HEAD, TRACE). */
    readonly bytes: Buffer;
  }
}

export interface HttpServerOptions {
  logger: Logger;
  metrics: Metrics;
  /** Bytes of a request's body, unless the route sets its own `bodyLimit`. Default 4 MiB. */
  bodyLimit?: number;
  /** Bodies above so many bytes, or of unknown length, at a time; the next is answered with 503. Default 64 KiB, 64. */
  largeBodies?: LargeBodyLimits;
  /** Time to send the whole head of a request. Default 10 000. */
  headersTimeoutMs?: number;
  /** Time to send the whole request. Default 20 000. */
  requestTimeoutMs?: number;
  /** Time a kept-alive connection may be idle. Default 60 000. */
  keepAliveTimeoutMs?: number;
  /** Time a client may take nothing of an answer. Work that has not answered yet is not timed. Default 120 000. */
  stallTimeoutMs?: number;
  /** Bytes of a request's head. Default 16 KiB. */
  maxHeaderSize?: number;
  /**
   * Paths that are also reached by spellings with `//`, `.`, `..` or a trailing slash, with all that is below them.
   * Every other path is taken as sent.
   */
  cleanPaths?: readonly string[];
  /** How often timeouts are looked for. Default 1 000; tests use less. */
  timeoutCheckMs?: number;
}

/** A set of routes that a service gives: registered with `server.app.register(routes)`. */
export type Routes = (app: FastifyInstance) => Promise<void>;

export interface ListenOptions {
  /** `localhost` (default) means 127.0.0.1 and, where the machine has it, ::1. */
  host?: string;
  /** 0 takes a free one. */
  port: number;
  /**
   * In a worker of node:cluster: all workers listen on one socket, whose waiting connections survive the death of any of
   * them. Default false: the socket belongs to this process alone.
   */
  shared?: boolean;
}

export interface HttpServer {
  readonly app: FastifyInstance;
  /** Opens the listeners. @throws {ListenError} */
  listen(options: ListenOptions): Promise<{ port: number; addresses: string[] }>;
  /**
   * No new connections; requests in flight are answered; idle connections end. What is still open after `deadlineMs`
   * (default 10 000) is cut. May be called more than once.
   */
  close(options?: { deadlineMs?: number }): Promise<void>;
}

export type ListenErrorCode = 'port_taken' | 'address_unavailable' | 'not_permitted' | 'listen_failed';

export class ListenError extends Error {
  readonly code: ListenErrorCode;

  constructor(code: ListenErrorCode, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'ListenError';
    this.code = code;
  }
}
