import type { Server } from 'node:net';
import { describeFiles } from '@sigstead/formats';
import * as grpc from '@grpc/grpc-js';
import { openListeners } from '../http/listen.ts';
import type { ListenOptions } from '../http/types.ts';
import type { Logger } from '../logger.ts';
import { handlerOf } from './handlers.ts';
import { HealthBook, healthFile } from './health.ts';
import { acceptor } from './listener.ts';
import { grpcMetrics, type MethodLabels } from './metrics.ts';
import { type Described, reflectionFile } from './reflection.ts';
import type { GrpcFile, GrpcMethod, GrpcServer, GrpcServerOptions } from './types.ts';
import { type ServedMethod, watchCalls } from './watch-calls.ts';

const MIB = 2 ** 20;
const DEFAULT_CLOSE_DEADLINE_MS = 10_000;
/** What the frames and headers of one connection may take of memory, MB. */
const SESSION_MEMORY = 32;

/**
 * A gRPC server with health and reflection. It listens only when told. Its connections are ours, the rest is the
 * library's: so listening, TLS and the end are as with HTTP.
 */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const book = new HealthBook(options.health ?? []);
  const files = allFiles(options.files, book);
  const methods = methodsOf(files);
  const server = newServer(options, methods);
  for (const [path, { method }] of methods) register(server, path, method, options.logger);
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const accept = acceptor(options, (socket) => injector.injectConnection(socket));
  const servers: Server[] = [];
  let closed: Promise<void> | undefined;

  async function listen(at: ListenOptions): Promise<{ port: number; addresses: string[] }> {
    if (closed !== undefined) throw new Error('the server is closed');
    const opened = await openListeners(() => accept.newServer(), at);
    servers.push(...opened.servers);
    return { port: opened.port, addresses: opened.addresses };
  }

  async function shutDown(deadlineMs: number): Promise<void> {
    book.close();
    const ended = servers.map((one) => new Promise<void>((resolve) => one.close(() => resolve())));
    // Each connection is told that there will be no more calls, and ends with the last one under way.
    injector.drain(deadlineMs);
    const cut = setTimeout(() => accept.cutAll(), deadlineMs);
    await Promise.all(ended);
    clearTimeout(cut);
    server.forceShutdown();
  }

  return {
    listen,
    close: (how) => {
      closed ??= shutDown(how?.deadlineMs ?? DEFAULT_CLOSE_DEADLINE_MS);
      return closed;
    },
  };
}

function newServer(options: GrpcServerOptions, methods: ReadonlyMap<string, ServedMethod>): grpc.Server {
  // Of the whole process, and without it what a client sends would stand on standard error, in no form of ours.
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  return new grpc.Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': options.maxMessageBytes ?? 4 * MIB,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': options.maxStreams ?? 256,
    'grpc.max_connection_idle_ms': options.idleTimeoutMs ?? 300_000,
    'grpc.keepalive_time_ms': options.keepAliveMs ?? 60_000,
    'grpc.keepalive_timeout_ms': options.keepAliveTimeoutMs ?? 20_000,
    'grpc-node.max_session_memory': SESSION_MEMORY,
    interceptors: [watchCalls(methods, grpcMetrics(options.metrics))],
  });
}

/** Ours with health and reflection, which tells of all of them. */
function allFiles(own: readonly GrpcFile[], book: HealthBook): GrpcFile[] {
  let described: Described | undefined;
  const describe = (): Described => {
    described ??= { files: describeFiles(files), services: files.flatMap(serviceNames) };
    return described;
  };
  const files = [...own, healthFile(book), reflectionFile('v1', describe), reflectionFile('v1alpha', describe)];
  return files;
}

function serviceNames(file: GrpcFile): string[] {
  return Object.keys(file.services ?? {}).map((name) => `${file.package}.${name}`);
}

const TYPES = { unary: 'unary', serverStream: 'server_stream', bidi: 'bidi_stream' } as const;

function methodsOf(files: readonly GrpcFile[]): Map<string, ServedMethod> {
  const methods = new Map<string, ServedMethod>();
  for (const file of files) {
    for (const [service, named] of Object.entries(file.services ?? {})) {
      for (const [name, method] of Object.entries(named)) {
        const labels: MethodLabels = {
          grpc_type: TYPES[method.answer.kind],
          grpc_service: `${file.package}.${service}`,
          grpc_method: name,
        };
        methods.set(`/${labels.grpc_service}/${name}`, { method, labels, underWay: 0 });
      }
    }
  }
  return methods;
}

function register(server: grpc.Server, path: string, method: GrpcMethod, logger: Logger): void {
  const { type, handle } = handlerOf(method, path, logger);
  const same = (bytes: Buffer): Buffer => bytes;
  if (!server.register(path, handle, same, same, type)) throw new TypeError(`${path} is there twice`);
}
