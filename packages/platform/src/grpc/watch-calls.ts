import { constants, type ServerHttp2Stream } from 'node:http2';
import * as grpc from '@grpc/grpc-js';
import { LargeMessages } from './large-messages.ts';
import { forgetWrappedDeadline, streamOf } from './library-call.ts';
import type { GrpcMetrics, MethodLabels } from './metrics.ts';
import { deadlineOver, GrpcCode, GrpcError } from './status.ts';
import type { GrpcMethod } from './types.ts';

export interface ServedMethod {
  readonly method: GrpcMethod;
  readonly labels: MethodLabels;
  /** Calls under way. */
  underWay: number;
}

type Call = grpc.ServerInterceptingCallInterface;
/** Both are missing until they were sent, whatever the types say. */
type Sent = Partial<Pick<ServerHttp2Stream, 'sentHeaders' | 'sentTrailers'>>;

/** Sees every call of a served method: lets it in or not, sets the server's own deadline, counts it to its end. */
export function watchCalls(methods: ReadonlyMap<string, ServedMethod>, metrics: GrpcMetrics): grpc.ServerInterceptor {
  const large = new LargeMessages();
  return ({ path }, call) => {
    const served = methods.get(path);
    if (served === undefined) return new grpc.ServerInterceptingCall(call);
    const stream = streamOf(call);
    forgetWrappedDeadline(call);
    metrics.started(served.labels);
    const refusal = refusalOf(served);
    const deadlineMs = Date.now() + (served.method.limits.timeoutMs ?? Number.POSITIVE_INFINITY);
    account(stream, served, metrics);
    limitTime(call, stream, served.method.limits.timeoutMs);
    large.watch(stream, () => refuse(call, new GrpcError(GrpcCode.Unavailable, 'too many large messages; retry')));
    return new WatchedCall(call, deadlineMs, {
      start: (next) => {
        next({
          onReceiveMetadata(metadata, pass) {
            if (refusal === undefined) pass(metadata);
            else refuse(call, refusal);
          },
          onReceiveMessage(message, pass) {
            metrics.received(served.labels);
            pass(message);
          },
          onReceiveHalfClose(pass) {
            // A caller that goes away ends its stream as well; nothing is to be answered.
            if (!stream.closed) pass();
          },
        });
      },
      sendMessage(message, next) {
        metrics.sent(served.labels);
        next(message);
      },
    });
  };
}

class WatchedCall extends grpc.ServerInterceptingCall {
  readonly #deadlineMs: number;

  constructor(call: Call, deadlineMs: number, responder: grpc.Responder) {
    super(call, responder);
    this.#deadlineMs = deadlineMs;
  }

  /** The caller's or the server's, whichever is earlier. */
  override getDeadline(): number {
    return Math.min(Number(super.getDeadline()), this.#deadlineMs);
  }
}

function refusalOf({ method: { limits }, underWay }: ServedMethod): GrpcError | undefined {
  if (underWay >= limits.maxCalls) return new GrpcError(GrpcCode.Unavailable, 'too many calls; retry');
  return limits.admit?.();
}

function refuse(call: Call, { code, message: details }: GrpcError): void {
  call.sendStatus({ code, details, metadata: null });
}

/**
 * The library answers at the caller's deadline by itself. An answer that the caller does not read is never sent, and would
 * keep the call for as long as he keeps the connection: he has the same time again for that, and no more.
 */
function limitTime(call: Call, stream: ServerHttp2Stream, timeoutMs: number | undefined): void {
  if (timeoutMs === undefined) return;
  let timer = setTimeout(() => {
    refuse(call, deadlineOver());
    timer = setTimeout(() => {
      stream.close(constants.NGHTTP2_CANCEL);
      // Who reads nothing at all does not let the reset out either.
      stream.destroy();
    }, timeoutMs);
  }, timeoutMs);
  stream.once('close', () => clearTimeout(timer));
}

function account(stream: ServerHttp2Stream, served: ServedMethod, metrics: GrpcMetrics): void {
  const beganMs = performance.now();
  served.underWay += 1;
  stream.once('wantTrailers', () => {
    // node:http2 hands the trailers over in the next turn; said earlier, they would be dropped.
    setImmediate(() => setImmediate(endReading, stream));
  });
  stream.once('finish', () => {
    const { sentHeaders }: Sent = stream;
    if (sentHeaders?.['grpc-status'] !== undefined) setImmediate(endReading, stream);
  });
  stream.once('close', () => {
    served.underWay -= 1;
    metrics.handled(served.labels, codeOf(stream), (performance.now() - beganMs) / 1000);
  });
}

/**
 * A caller that was answered has nothing more to say, and could otherwise keep its stream for as long as it likes.
 * SPEC: RFC 9113 §8.1: RST_STREAM with NO_ERROR after a complete response
 */
function endReading(stream: ServerHttp2Stream): void {
  if (!stream.readableEnded && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
}

/** As it was sent; a stream that closed before that was cancelled. */
function codeOf({ sentTrailers, sentHeaders }: Sent): number {
  return Number(sentTrailers?.['grpc-status'] ?? sentHeaders?.['grpc-status'] ?? GrpcCode.Canceled);
}
