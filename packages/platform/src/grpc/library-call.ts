import type { ServerHttp2Stream } from 'node:http2';
import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';

/** A deadline further back than that was over before the head of the call could come. */
const SPENT_MS = 50;

/** What the library's innermost call has, but does not show. */
interface Hidden {
  stream?: ServerHttp2Stream;
  /** Milliseconds since 1970. */
  deadline?: number;
  deadlineTimer?: NodeJS.Timeout | null;
}

/** Nothing else tells when a call has really ended. Throws TypeError when another version of the library has none. */
export function streamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream {
  const { stream } = call as Hidden;
  if (stream === undefined) throw new TypeError('no stream in a call of @grpc/grpc-js: another version?');
  return stream;
}

/**
 * The library counts a caller's time in 32 bits of milliseconds, so that one of 25 days may be over 24 days ago, and the call
 * with it. No caller sends such a one: it has no deadline then, but for the server's own. To be called in the turn of the head.
 */
export function forgetWrappedDeadline(call: ServerInterceptingCallInterface): void {
  const hidden = call as Hidden;
  if (hidden.deadline === undefined || hidden.deadline > Date.now() - SPENT_MS) return;
  clearTimeout(hidden.deadlineTimer ?? undefined);
  hidden.deadline = Number.POSITIVE_INFINITY;
}
