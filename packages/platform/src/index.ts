export { systemClock, monotonicClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { ServiceError, grpcStatus } from './errors.ts';
export type { ErrorCode, GrpcStatus, ServiceErrorOptions } from './errors.ts';
export { createLogger, silentLogger } from './logger.ts';
export type { Logger, LogFields, LogLevel, LoggerOptions } from './logger.ts';
export { createMetrics, LATENCY_BUCKETS } from './metrics.ts';
export type { Counter, Gauge, Histogram, HistogramOptions, MetricOptions, Metrics } from './metrics.ts';
export { linkUnlessTaken, syncFolder, unlessAbsent, writeNewFile } from './files.ts';
export { type FileLock, lockFile } from './file-lock.ts';
export { Closables } from './lifecycle.ts';
export type { Closable } from './lifecycle.ts';
export { createHttpServer } from './http/server.ts';
export { ListenError } from './http/types.ts';
export type { HttpServer, HttpServerOptions, ListenErrorCode, ListenOptions, Routes } from './http/types.ts';
export type { Gate, Refusal } from './http/gate.ts';
export { methodTable } from './http/method-table.ts';
export type { HttpHandler, WrongMethodHandler } from './http/method-table.ts';
export { grpcError, grpcNotFound, grpcWrongMethod, sendJson, sendServiceError } from './http/reply.ts';
export { requestFault } from './http/request-fault.ts';
export type { RequestFault } from './http/request-fault.ts';
export { deadlineExceeded, grpcTimeout } from './http/grpc-timeout.ts';
export type { GrpcTimeout } from './http/grpc-timeout.ts';
export { openPool } from './database/pool.ts';
export type { Pool, PoolClient, PoolOptions } from './database/pool.ts';
export { connectPrimary } from './database/connect.ts';
export type { ConnectOptions } from './database/connect.ts';
export { DatabaseHosts } from './database/hosts.ts';
export type { DatabaseHost } from './database/hosts.ts';
export { unfitness, unsafeSettings } from './database/server-check.ts';
export type { ServerNeeds, ServerSettings, Unfit } from './database/server-check.ts';
export { openKysely } from './database/kysely.ts';
export { migrate } from './database/migrate.ts';
export type { MigrateOptions, Migration } from './database/migrate.ts';
export { transaction, writeStatement } from './database/transaction.ts';
export type { Isolation } from './database/transaction.ts';
export { DatabaseError, isUniqueViolation, sqlState } from './database/errors.ts';
export type { DatabaseErrorCode } from './database/errors.ts';
export { findListItem } from './config/insert.ts';
export type { ListItem } from './config/insert.ts';
export { parseConfig } from './config/parse.ts';
export { c } from './config/schema.ts';
export type { Infer, ObjectOf, Place, Schema, Shape } from './config/schema.ts';
export { ConfigError } from './config/errors.ts';
export type { ConfigProblem } from './config/errors.ts';
export { createGrpcServer } from './grpc/server.ts';
export { bidiStream, serverStream, unary } from './grpc/method.ts';
export { GrpcCode, type GrpcCodeNumber, GrpcError } from './grpc/status.ts';
export type {
  GrpcCall,
  GrpcFile,
  GrpcMethod,
  GrpcServer,
  GrpcServerOptions,
  HealthCheck,
  MethodLimits,
} from './grpc/types.ts';
