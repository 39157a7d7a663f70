import type { FileSpec, MethodSpec, ProtoMessage, WireSchema } from '@sigstead/formats';
import type { ListenOptions } from '../http/types.ts';
import type { Logger } from '../logger.ts';
import type { Metrics } from '../metrics.ts';
import type { GrpcError } from './status.ts';

/** What a handler knows of the call it answers. */
export interface GrpcCall {
  /** Fires when the caller's time or the server's is over, or the caller is gone. Its reason is a GrpcError. */
  readonly signal: AbortSignal;
  /** Bytes of the first message. */
  readonly requestBytes: number;
  /** Metadata that goes out before the answer, also before an error. Lower-case name, printable ASCII value. */
  setHeader(name: string, value: string): void;
}

/** Limits of one method, for all its callers in this process together. */
export interface MethodLimits {
  /** Calls under way; more get Unavailable. Default 1024. */
  readonly maxCalls?: number;
  /** Time from the head of a call to its answer. Default 20 000; streams have none by default. */
  readonly timeoutMs?: number;
  /** Asked before anything of the message is read; an error refuses the call with it. */
  readonly admit?: () => GrpcError | undefined;
}

/** A method with its handler; made by unary(), serverStream() and bidiStream(). */
export interface GrpcMethod extends MethodSpec {
  readonly limits: Required<Pick<MethodLimits, 'maxCalls'>> & MethodLimits;
  /** On bytes: decodes, handles, encodes. */
  readonly answer:
    | { readonly kind: 'unary'; run(request: Uint8Array, call: GrpcCall): Promise<Uint8Array> }
    | { readonly kind: 'serverStream'; run(request: Uint8Array, call: GrpcCall): AsyncIterable<Uint8Array> }
    | { readonly kind: 'bidi'; run(requests: AsyncIterable<Uint8Array>, call: GrpcCall): AsyncIterable<Uint8Array> };
}

/** A .proto file whose services are served. */
export interface GrpcFile extends FileSpec {
  readonly services?: Readonly<Record<string, Readonly<Record<string, GrpcMethod>>>>;
}

export type Message<S extends WireSchema> = ProtoMessage<S>;

/** Whether a service can be used, for its health status. */
export interface HealthCheck {
  /** Full name of the service. */
  readonly service: string;
  /** Asked once a second at most. Throws nothing. */
  ready(): Promise<boolean>;
}

export interface GrpcServerOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** What is served; health and reflection are added. */
  readonly files: readonly GrpcFile[];
  readonly health?: readonly HealthCheck[];
  /** PEM. Without it the listener speaks plain HTTP/2. */
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array };
  /** Bytes of a message, unpacked. Default 4 MiB. */
  readonly maxMessageBytes?: number;
  /** Calls under way on one connection. Default 256. */
  readonly maxStreams?: number;
  /** Connections; more are closed at once. Default 4096. */
  readonly maxConnections?: number;
  /** Time a connection may be without a call. Default 300 000. */
  readonly idleTimeoutMs?: number;
  /** A connection is asked for a sign of life so often, and cut when none comes. Default 60 000 and 20 000. */
  readonly keepAliveMs?: number;
  readonly keepAliveTimeoutMs?: number;
}

export interface GrpcServer {
  /** Opens the listeners. @throws {ListenError} */
  listen(options: ListenOptions): Promise<{ port: number; addresses: string[] }>;
  /**
   * No new connections and calls; calls under way are answered, health is told NOT_SERVING and its watchers end. What is
   * still open after `deadlineMs` (default 10 000) is cut. May be called more than once.
   */
  close(options?: { deadlineMs?: number }): Promise<void>;
}
