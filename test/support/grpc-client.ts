import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';

/** How a call ended, with all that came before. */
export interface GrpcReply {
  readonly headers: IncomingHttpHeaders;
  readonly messages: readonly Buffer[];
  /** undefined when the stream ended without a status. */
  readonly code: number | undefined;
  readonly text: string;
}

/** A plain gRPC client that shares no code with the server: frames over node:http2. SPEC: gRPC over HTTP/2 */
export class GrpcClient {
  readonly session: ClientHttp2Session;

  /** `ca`: PEM of what the server's certificate is trusted by. */
  constructor(port: number, { ca, host = '127.0.0.1' }: { ca?: string; host?: string } = {}) {
    const scheme = ca === undefined ? 'http' : 'https';
    // What is sent in vain counts against the memory of node's own session for good.
    const options = { maxSessionMemory: 1024 };
    this.session = connect(`${scheme}://${host}:${port}`, ca === undefined ? options : { ...options, ca });
    this.session.on('error', () => undefined);
  }

  /** One message, and what comes back. */
  call(path: string, message: Uint8Array, headers: OutgoingHttpHeaders = {}): Promise<GrpcReply> {
    const stream = this.open(path, headers);
    stream.end(frame(message));
    return replyOf(stream);
  }

  /** A call whose messages are still to be written, each in a frame(). */
  open(path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
    return this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
  }

  /** Ends when the calls under way have ended. */
  async close(): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.close();
    await closed;
  }

  destroy(): void {
    this.session.destroy();
  }
}

/** A message with its prefix. */
export function frame(message: Uint8Array, { isCompressed = false } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(isCompressed ? 1 : 0, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Resolves when the stream has closed, however. */
export async function replyOf(stream: ClientHttp2Stream): Promise<GrpcReply> {
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  stream.on('response', (received) => (headers = received));
  stream.on('trailers', (received) => (trailers = received));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  if (!stream.closed) await once(stream, 'close').catch(() => undefined);
  const status = trailers['grpc-status'] ?? headers['grpc-status'];
  const text = trailers['grpc-message'] ?? headers['grpc-message'];
  return {
    headers,
    messages: messagesIn(Buffer.concat(chunks)),
    code: status === undefined ? undefined : Number(status),
    text: typeof text === 'string' ? decodeURIComponent(text) : '',
  };
}

function messagesIn(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let rest = bytes; rest.length >= 5; ) {
    const length = rest.readUInt32BE(1);
    found.push(rest.subarray(5, 5 + length));
    rest = rest.subarray(5 + length);
  }
  return found;
}
