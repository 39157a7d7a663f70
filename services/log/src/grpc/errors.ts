import { GrpcCode, GrpcError } from '@sigstead/platform';
import { LogError } from '../core/errors.ts';

/** What a call gets for an error, in the codes and texts of rekor-tiles. The detail stays here. */
export function grpcErrorOf(error: unknown): unknown {
  if (!(error instanceof LogError)) return error;
  const { message, detail, cause } = error;
  const as = (code: GrpcError['code'], text = message): GrpcError => new GrpcError(code, text, { detail, cause });
  switch (error.code) {
    case 'entry_refused':
    case 'entry_too_large':
    case 'invalid_request':
      return as(GrpcCode.InvalidArgument);
    case 'read_only':
      return as(GrpcCode.Unimplemented, 'log frozen');
    case 'queue_full':
    case 'closing':
    case 'halted':
    case 'unavailable':
      return as(GrpcCode.Unavailable);
    case 'deadline':
      return as(GrpcCode.DeadlineExceeded);
    case 'cancelled':
      return as(GrpcCode.Canceled);
    case 'not_found':
      return as(GrpcCode.NotFound);
    case 'misconfigured':
    case 'internal':
      return as(GrpcCode.Internal, 'internal server error');
  }
}

/** The end of a call as the log's own error. */
export function logErrorOf(reason: unknown): LogError {
  const isLate = reason instanceof GrpcError && reason.code === GrpcCode.DeadlineExceeded;
  return isLate ? new LogError('deadline', 'context deadline exceeded') : new LogError('cancelled', 'context canceled');
}
