export { composeLog, type CtClient, type LogHandle, type LogStats } from './compose.ts';
export { LogError, type LogErrorCode } from './core/errors.ts';
export type { FsckReport } from './core/fsck.ts';
export type { LogKind } from './core/ports.ts';
export { QUEUE_LIMITS, type QueueLimits } from './engine/queue.ts';
export type { ExportTarget } from './open-export.ts';
export type { LogOptions, LogSpec } from './options.ts';
export { MIGRATIONS as LOG_MIGRATIONS, SCHEMA as LOG_SCHEMA } from './store/migrations.ts';
export { SESSION_LIMITS, type SessionLimits } from './store/session.ts';
