import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { GrpcServerOptions } from './types.ts';

const MAX_CONNECTIONS = 4096;
const HANDSHAKE_MS = 10_000;

export interface Acceptor {
  /** A server that is not listening yet; for each address one. */
  newServer(): Server;
  /** Cuts what is still open. */
  cutAll(): void;
}

/** Takes connections and hands them on once they are ready to be spoken on; with TLS after the handshake. */
export function acceptor(
  { tls, maxConnections = MAX_CONNECTIONS, logger }: Pick<GrpcServerOptions, 'tls' | 'maxConnections' | 'logger'>,
  serve: (socket: Socket) => void,
): Acceptor {
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  };
  return {
    newServer() {
      const server = tls === undefined ? createServer(serve) : createTlsServer(tlsOptions(tls), serve);
      server.maxConnections = maxConnections;
      // Of TLS connections, too: from the first byte, before there is a handshake.
      server.on('connection', keep);
      server.on('tlsClientError', (error: Error, socket: Socket) => {
        logger.debug({ error }, 'a TLS handshake failed');
        socket.destroy();
      });
      return server;
    },
    cutAll: () => open.forEach((socket) => socket.destroy()),
  };
}

/** SPEC: rekor-tiles internal/server/grpc.go: TLS 1.3. */
function tlsOptions(tls: NonNullable<GrpcServerOptions['tls']>) {
  return {
    cert: asPem(tls.cert),
    key: asPem(tls.key),
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    handshakeTimeout: HANDSHAKE_MS,
  } as const;
}

function asPem(pem: string | Uint8Array): string | Buffer {
  return typeof pem === 'string' ? pem : Buffer.from(pem);
}
