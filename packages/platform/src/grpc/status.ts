import { grpcStatus, ServiceError } from '../errors.ts';

/** SPEC: grpc, status codes. The names are those of Go's library, which dashboards know. */
export const GrpcCode = {
  OK: 0,
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
} as const;

export type GrpcCodeNumber = (typeof GrpcCode)[keyof typeof GrpcCode];

const NAMES = new Map<number, string>(Object.entries(GrpcCode).map(([name, code]) => [code, name]));

/** For a label: one of a closed set, whatever the number. */
export function grpcCodeName(code: number): string {
  return NAMES.get(code) ?? 'Unknown';
}

/** How a call ends that gets no answer. `message` is the client's text. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: GrpcCodeNumber;
  /** For the operator's log only. */
  readonly detail: string | undefined;

  constructor(code: GrpcCodeNumber, message: string, options: { detail?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
  }
}

/** What the client gets for an error: never a text that was not meant for it. */
export function statusOf(error: unknown): { code: number; details: string } {
  if (error instanceof GrpcError) return { code: error.code, details: error.message.toWellFormed() };
  if (error instanceof ServiceError) {
    return { code: grpcStatus(error.code).grpc, details: error.message.toWellFormed() };
  }
  return { code: GrpcCode.Internal, details: 'internal server error' };
}

/** Whether the operator should look at it. */
export function isOurFault(code: number): boolean {
  return code === GrpcCode.Internal || code === GrpcCode.Unknown || code === GrpcCode.DataLoss;
}

/** The caller's time, or the server's own, is over. */
export function deadlineOver(): GrpcError {
  return new GrpcError(GrpcCode.DeadlineExceeded, 'context deadline exceeded');
}
