import { grpcTimeout } from '@sigstead/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LogError } from '../core/errors.ts';

/** Longest time an answer may take. SPEC: rekor-tiles, --server-timeout */
const SERVER_TIMEOUT_MS = 20_000;

/**
 * Runs `work` with a signal that fires when the caller's time (`Grpc-Timeout`, or the server's own) is over or the
 * caller has gone away. Throws ServiceError for a malformed or spent timeout.
 */
export async function withDeadline<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { timeoutMs } = grpcTimeout(request.headers);
  const controller = new AbortController();
  const late = setTimeout(
    () => controller.abort(new LogError('deadline', 'context deadline exceeded')),
    Math.min(timeoutMs ?? SERVER_TIMEOUT_MS, SERVER_TIMEOUT_MS),
  );
  const gone = (): void => {
    if (!reply.raw.writableFinished) controller.abort(new LogError('cancelled', 'context canceled'));
  };
  reply.raw.once('close', gone);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(late);
    reply.raw.removeListener('close', gone);
  }
}
