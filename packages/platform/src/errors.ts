/** The closed set of reasons a service may give. Each http room maps them to its wire format in one exhaustive switch. */
export type ErrorCode =
  | 'invalid_argument'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'out_of_range'
  | 'unimplemented'
  | 'too_large'
  | 'overloaded'
  | 'unavailable'
  | 'deadline'
  | 'cancelled'
  | 'internal';

export interface ServiceErrorOptions {
  /** The client's text: exactly what upstream would say, never a cause, path or query. */
  message: string;
  /** For the operator's log only. */
  detail?: string;
  cause?: unknown;
}

/** An error that may cross a room's border: a closed code, a text for the client, a detail for the operator. */
export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, options: ServiceErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ServiceError';
    this.code = code;
    this.detail = options.detail;
  }
}

/** gRPC status number and HTTP status of a code, as a gRPC gateway pairs them. */
export interface GrpcStatus {
  grpc: number;
  http: number;
}

/**
 * SPEC: google.rpc.Code (code.proto) and its HTTP mapping.
 * `too_large` is 400/3: that is what upstream's gateway answers to a body over the limit.
 */
export function grpcStatus(code: ErrorCode): GrpcStatus {
  switch (code) {
    case 'cancelled':
      return { grpc: 1, http: 499 };
    case 'invalid_argument':
    case 'too_large':
      return { grpc: 3, http: 400 };
    case 'deadline':
      return { grpc: 4, http: 504 };
    case 'not_found':
      return { grpc: 5, http: 404 };
    case 'already_exists':
      return { grpc: 6, http: 409 };
    case 'permission_denied':
      return { grpc: 7, http: 403 };
    case 'overloaded':
      return { grpc: 8, http: 429 };
    case 'failed_precondition':
      return { grpc: 9, http: 400 };
    case 'out_of_range':
      return { grpc: 11, http: 400 };
    case 'unimplemented':
      return { grpc: 12, http: 501 };
    case 'internal':
      return { grpc: 13, http: 500 };
    case 'unavailable':
      return { grpc: 14, http: 503 };
    case 'unauthenticated':
      return { grpc: 16, http: 401 };
  }
}
