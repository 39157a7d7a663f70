import { decodeWire, encodeWire, FormatError, type WireSchema } from '@sigstead/formats';
import { GrpcCode, GrpcError } from './status.ts';
import type { GrpcCall, GrpcMethod, Message, MethodLimits } from './types.ts';

const MAX_CALLS = 1024;
const TIMEOUT_MS = 20_000;
/** Fields of one message, all that it contains together. */
const MAX_FIELDS = 20_000;

interface Types<Req extends WireSchema, Res extends WireSchema> {
  readonly request: Req;
  readonly response: Res;
}

/** One message, one answer. */
export function unary<const Req extends WireSchema, const Res extends WireSchema>(
  { request, response, ...limits }: Types<Req, Res> & MethodLimits,
  handle: (request: Message<Req>, call: GrpcCall) => Promise<Message<Res>>,
): GrpcMethod {
  return {
    request,
    response,
    limits: { maxCalls: MAX_CALLS, timeoutMs: TIMEOUT_MS, ...limits },
    answer: {
      kind: 'unary',
      run: async (bytes, call) => encodeWire(response, await handle(decoded(request, bytes), call)),
    },
  };
}

/** One message, any number of answers. */
export function serverStream<const Req extends WireSchema, const Res extends WireSchema>(
  { request, response, ...limits }: Types<Req, Res> & MethodLimits,
  handle: (request: Message<Req>, call: GrpcCall) => AsyncIterable<Message<Res>>,
): GrpcMethod {
  return {
    request,
    response,
    serverStreaming: true,
    limits: { maxCalls: MAX_CALLS, ...limits },
    answer: {
      kind: 'serverStream',
      async *run(bytes, call) {
        for await (const message of handle(decoded(request, bytes), call)) yield encodeWire(response, message);
      },
    },
  };
}

/** Messages both ways. */
export function bidiStream<const Req extends WireSchema, const Res extends WireSchema>(
  { request, response, ...limits }: Types<Req, Res> & MethodLimits,
  handle: (requests: AsyncIterable<Message<Req>>, call: GrpcCall) => AsyncIterable<Message<Res>>,
): GrpcMethod {
  async function* decodedAll(requests: AsyncIterable<Uint8Array>): AsyncIterable<Message<Req>> {
    for await (const bytes of requests) yield decoded(request, bytes);
  }
  return {
    request,
    response,
    clientStreaming: true,
    serverStreaming: true,
    limits: { maxCalls: MAX_CALLS, ...limits },
    answer: {
      kind: 'bidi',
      async *run(requests, call) {
        for await (const message of handle(decodedAll(requests), call)) yield encodeWire(response, message);
      },
    },
  };
}

/** Code and text are those of grpc-go. */
function decoded<Req extends WireSchema>(schema: Req, bytes: Uint8Array): Message<Req> {
  try {
    return decodeWire(schema, bytes, { maxBytes: bytes.length, maxFields: MAX_FIELDS });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new GrpcError(GrpcCode.Internal, `grpc: error unmarshalling request: ${error.message}`, { cause: error });
  }
}
