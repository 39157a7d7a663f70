export { composeLog, type CtClient, type LogHandle, type LogStats } from './compose.ts';
export {
  type DatabaseLogReport,
  type FsckDatabaseOptions,
  type FsckPublishedOptions,
  fsckDatabase,
  fsckPublished,
} from './compose-fsck.ts';
export { LogError, type LogErrorCode, StoreError } from './core/errors.ts';
export type { FsckReport } from './core/fsck.ts';
export type { LogKind } from './core/ports.ts';
export type { FsckProgress, TreeProblem, TreeReport } from './fsck/report.ts';
export { QUEUE_LIMITS, type QueueLimits } from './engine/queue.ts';
export type { ExportTarget } from './open-export.ts';
export type { LogOptions, LogSpec } from './options.ts';
export { MIGRATIONS as LOG_MIGRATIONS, SCHEMA as LOG_SCHEMA } from './store/migrations.ts';
export { SESSION_LIMITS, type SessionLimits } from './store/session.ts';
