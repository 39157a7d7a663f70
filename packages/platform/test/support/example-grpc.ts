import { connect, type Socket } from 'node:net';
import type { WireSchema } from '@sigstead/formats';
import {
  createGrpcServer,
  createMetrics,
  type GrpcCall,
  GrpcCode,
  GrpcError,
  type GrpcFile,
  type GrpcServer,
  type GrpcServerOptions,
  type Metrics,
  serverStream,
  ServiceError,
  silentLogger,
  unary,
} from '@sigstead/platform';
import { GrpcClient } from '@sigstead/test';

export const TEXT = { text: { number: 1, kind: 'string' } } as const satisfies WireSchema;

/** What handlers were told, and what the server may let in. */
export interface Example {
  readonly calls: GrpcCall[];
  readonly handled: string[];
  isOpen: boolean;
}

/** Methods that answer, fail, wait, and count. */
export function exampleFile(example: Example): GrpcFile {
  const types = { request: TEXT, response: TEXT };
  const wait = (call: GrpcCall): Promise<never> =>
    new Promise((_resolve, reject) => {
      example.calls.push(call);
      call.signal.addEventListener('abort', () => reject(call.signal.reason as Error));
    });
  return {
    name: 'example.proto',
    package: 'example',
    messages: { Text: TEXT },
    services: {
      Example: {
        Echo: unary(types, async ({ text = '' }, call) => {
          example.handled.push(text);
          call.setHeader('x-seen', String(call.requestBytes));
          if (text === 'boom') throw new Error('secret internals');
          if (text === 'service') throw new ServiceError('overloaded', { message: 'too much', detail: 'secret' });
          if (text === 'refused')
            throw new GrpcError(GrpcCode.AlreadyExists, 'is there: 1 \u2014 ä\n%', { detail: 'secret' });
          return { text: `${text}!` };
        }),
        Wait: unary(types, (_request, call) => wait(call)),
        WaitBriefly: unary({ ...types, timeoutMs: 50 }, (_request, call) => wait(call)),
        Brief: unary({ ...types, timeoutMs: 50, maxCalls: 3 }, async (request) => request),
        /** Goes on whatever it is told. */
        Ignore: unary({ ...types, timeoutMs: 50 }, () => new Promise(() => undefined)),
        Two: unary({ ...types, maxCalls: 2 }, (_request, call) => wait(call)),
        Gated: unary(
          { ...types, admit: () => (example.isOpen ? undefined : new GrpcError(GrpcCode.Unavailable, 'later')) },
          async (request) => request,
        ),
        Count: serverStream(types, async function* count({ text = '0' }) {
          for (let i = 0; i < Number(text); i += 1) yield { text: 'x'.repeat(1000) };
        }),
        Fall: serverStream(types, async function* fall() {
          yield { text: 'one' };
          throw new GrpcError(GrpcCode.DataLoss, 'fell');
        }),
      },
    },
  };
}

export interface Running {
  readonly server: GrpcServer;
  readonly port: number;
  readonly metrics: Metrics;
  readonly example: Example;
  readonly client: GrpcClient;
  stop(): Promise<void>;
}

export async function runExample(options: Partial<GrpcServerOptions> = {}): Promise<Running> {
  const example: Example = { calls: [], handled: [], isOpen: true };
  const metrics = createMetrics();
  const server = createGrpcServer({ logger: silentLogger, metrics, files: [exampleFile(example)], ...options });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const client = new GrpcClient(port);
  return {
    server,
    port,
    metrics,
    example,
    client,
    async stop() {
      client.destroy();
      await server.close({ deadlineMs: 0 });
    },
  };
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const FrameType = {
  Data: 0,
  Headers: 1,
  RstStream: 3,
  Settings: 4,
  Ping: 6,
  GoAway: 7,
  WindowUpdate: 8,
  Continuation: 9,
} as const;
export const END_HEADERS = 4;

/** SPEC: RFC 9113 §4.1 */
export function http2Frame(
  type: number,
  { flags = 0, stream = 0, payload = Buffer.alloc(0) }: { flags?: number; stream?: number; payload?: Buffer } = {},
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header block without compression. SPEC: RFC 7541 §6.2.3 */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(value.length), Buffer.from(value, 'latin1')]);
  const fields = Object.entries(headers).map(([name, value]) =>
    Buffer.concat([Buffer.of(0x10), text(name), text(value)]),
  );
  return Buffer.concat(fields);
}

export function callHeaders(path: string, more: Readonly<Record<string, string>> = {}): Buffer {
  const fixed = { ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'x' };
  return headerBlock({ ...fixed, 'content-type': 'application/grpc', te: 'trailers', ...more });
}

/** A connection on which anything may be sent, with what came back so far. */
export interface RawConnection {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  received(): Buffer;
  /** Type, flags and stream of the frames that came back. */
  frames(): { type: number; flags: number; stream: number; payload: Buffer }[];
}

/** Opens one; `preface` sends what begins HTTP/2. */
export function rawConnection(port: number, { preface = true } = {}): RawConnection {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  if (preface) socket.write(Buffer.concat([PREFACE, http2Frame(FrameType.Settings)]));
  const received = (): Buffer => Buffer.concat(chunks);
  return { socket, closed, received, frames: () => framesIn(received()) };
}

function framesIn(bytes: Buffer): { type: number; flags: number; stream: number; payload: Buffer }[] {
  const found = [];
  for (let at = 0; at + 9 <= bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    found.push({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, stream: bytes.readUInt32BE(at + 5), payload });
    at += 9 + length;
  }
  return found;
}

/** Resolves when it holds; fails after 10 s. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`not within 10 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
