import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from '../errors.ts';

/** Nanoseconds in each unit. SPEC: gRPC over HTTP/2, Timeout. */
const UNIT_NS: Readonly<Record<string, number>> = { H: 3.6e12, M: 6e10, S: 1e9, m: 1e6, u: 1e3, n: 1 };

export interface GrpcTimeout {
  /** Time the client allows, undefined when it set none. At least 1. */
  timeoutMs: number | undefined;
}

/**
 * Reads `Grpc-Timeout` as a gRPC gateway does: a decimal number with an optional sign and one unit; zero means none.
 * @throws {ServiceError} `invalid_argument` when malformed; `deadline` when it is over before work could begin (less
 * than a millisecond), both with upstream's texts.
 */
export function grpcTimeout(headers: IncomingHttpHeaders): GrpcTimeout {
  const sent = headers['grpc-timeout'];
  const text = Array.isArray(sent) ? sent[0] : sent;
  if (text === undefined || text === '') return { timeoutMs: undefined };
  const timeoutNs = parseTimeoutNs(text);
  if (timeoutNs === undefined) {
    throw new ServiceError('invalid_argument', { message: `invalid grpc-timeout: ${text}` });
  }
  if (timeoutNs === 0) return { timeoutMs: undefined };
  if (timeoutNs < 1e6) throw deadlineExceeded();
  return { timeoutMs: Math.floor(timeoutNs / 1e6) };
}

/** The error a gateway gives when the client's time is over. */
export function deadlineExceeded(): ServiceError {
  return new ServiceError('deadline', { message: 'context deadline exceeded' });
}

function parseTimeoutNs(text: string): number | undefined {
  const match = /^([+-]?[0-9]{1,19})([HMSmun])$/.exec(text);
  const unit = UNIT_NS[match?.[2] ?? ''];
  if (match?.[1] === undefined || unit === undefined) return undefined;
  const count = BigInt(match[1]);
  if (count > 2n ** 63n - 1n || count < -(2n ** 63n)) return undefined;
  return Number(count) * unit;
}
