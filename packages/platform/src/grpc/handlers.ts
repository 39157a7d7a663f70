import { type EventEmitter, once } from 'node:events';
import type { Readable } from 'node:stream';
import * as grpc from '@grpc/grpc-js';
import type { Logger } from '../logger.ts';
import { deadlineOver, GrpcCode, GrpcError, grpcCodeName, isOurFault, statusOf } from './status.ts';
import type { GrpcCall, GrpcMethod } from './types.ts';

/** A timer may fire that much early, ms. */
const EARLY_MS = 5;

type WritableCall = grpc.ServerWritableStream<Buffer, Buffer> | grpc.ServerDuplexStream<Buffer, Buffer>;
type Surface = grpc.ServerUnaryCall<Buffer, Buffer> | WritableCall;
type Fail = (error: unknown) => grpc.StatusObject;

/** A method for the library, which gives bytes and takes bytes. */
export function handlerOf(
  { answer }: GrpcMethod,
  path: string,
  logger: Logger,
): { type: string; handle: grpc.UntypedHandleCall } {
  const fail: Fail = (error) => failed(error, path, logger);
  switch (answer.kind) {
    case 'unary':
      return {
        type: 'unary',
        handle: (surface: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
          const call = new OwnCall(surface, surface.request.length);
          void answerOnce(call, answer.run(surface.request, call), { done, fail });
        },
      };
    case 'serverStream':
      return {
        type: 'serverStream',
        handle: (surface: grpc.ServerWritableStream<Buffer, Buffer>) => {
          const call = new OwnCall(surface, surface.request.length);
          stream(surface, call, answer.run(surface.request, call), fail);
        },
      };
    case 'bidi':
      return {
        type: 'bidi',
        handle: (surface: grpc.ServerDuplexStream<Buffer, Buffer>) => {
          const call = new OwnCall(surface, 0);
          // A handler that has read enough may still answer.
          const requests = (surface as unknown as Readable).iterator({ destroyOnReturn: false });
          stream(surface, call, answer.run(requests, call), fail);
        },
      };
  }
}

class OwnCall implements GrpcCall {
  readonly signal: AbortSignal;
  readonly requestBytes: number;
  readonly #surface: Surface;
  readonly #headers = new grpc.Metadata();
  readonly #gone = Promise.withResolvers<never>();

  constructor(surface: Surface, requestBytes: number) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.requestBytes = requestBytes;
    this.#surface = surface;
    // Only whoever races with it wants to hear of it.
    this.#gone.promise.catch(() => undefined);
    (surface as EventEmitter).once('cancelled', () => {
      const isLate = Date.now() + EARLY_MS >= Number(surface.getDeadline());
      const reason = isLate ? deadlineOver() : new GrpcError(GrpcCode.Canceled, 'context canceled');
      controller.abort(reason);
      this.#gone.reject(reason);
    });
  }

  setHeader(name: string, value: string): void {
    this.#headers.set(name, value);
  }

  /** Resolves as `work` does, with the headers sent; nobody waits for work that does not end when it is told to. */
  async race<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([work, this.#gone.promise]);
    } finally {
      this.sendHeaders();
    }
  }

  /** The library sends them once. */
  sendHeaders(): void {
    if (Object.keys(this.#headers.getMap()).length > 0) this.#surface.sendMetadata(this.#headers);
  }
}

async function answerOnce(
  call: OwnCall,
  answer: Promise<Uint8Array>,
  { done, fail }: { done: grpc.sendUnaryData<Buffer>; fail: Fail },
): Promise<void> {
  let bytes: Uint8Array;
  try {
    bytes = await call.race(answer);
  } catch (error) {
    return done(fail(error));
  }
  done(null, asBuffer(bytes));
}

function stream(surface: WritableCall, call: OwnCall, answers: AsyncIterable<Uint8Array>, fail: Fail): void {
  void call.race(sendAll(answers, surface, call)).then(
    () => surface.end(),
    (error: unknown) => {
      // Its listener, the library's own, ends the call with that status.
      if (!surface.cancelled) surface.emit('error', fail(error));
    },
  );
}

async function sendAll(answers: AsyncIterable<Uint8Array>, surface: WritableCall, call: OwnCall): Promise<void> {
  for await (const bytes of answers) {
    call.signal.throwIfAborted();
    call.sendHeaders();
    if (!surface.write(asBuffer(bytes))) await once(surface, 'drain', { signal: call.signal });
  }
}

function failed(error: unknown, path: string, logger: Logger): grpc.StatusObject {
  const { code, details } = statusOf(error);
  const level = isOurFault(code) && !isClientsBytes(error) ? 'error' : 'debug';
  logger[level]({ path, code: grpcCodeName(code), error }, 'call failed');
  return { code, details, metadata: new grpc.Metadata() };
}

/** The code of a message that cannot be decoded is Internal, as everywhere with gRPC; it is no fault of ours. */
function isClientsBytes(error: unknown): boolean {
  return error instanceof GrpcError && error.message.startsWith('grpc: error unmarshalling request');
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
