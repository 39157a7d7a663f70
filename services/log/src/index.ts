export { composeLog } from './compose.ts';
export type { CtClient, LogHandle, LogStats } from './handle.ts';
export {
  type DatabaseLogReport,
  type FsckDatabaseOptions,
  type FsckPublishedOptions,
  fsckDatabase,
  fsckPublished,
} from './compose-fsck.ts';
export {
  describeEntry,
  rebuildStoredSearch,
  type SearchPage,
  searchPage,
  statusOfStoredSearch,
  type StoredSearchOptions,
} from './compose-search.ts';
export { LogError, type LogErrorCode, StoreError } from './core/errors.ts';
export type { FsckReport } from './core/fsck.ts';
export type { LifeState } from './core/life.ts';
export type { StateChange } from './life/change-state.ts';
export { type LogOverview, overviewOfLogs } from './overview.ts';
export type { LogKind, LogStore, StoredHead, Submission } from './core/ports.ts';
export type { FurtherSigner } from './core/rekor-v2/note-signers.ts';
export { CLIENT_SIGNING_ALGORITHMS, type ClientSigningAlgorithm } from './core/rekor-v2/entry.ts';
export { type RekorV2Personality, rekorV2Personality } from './core/rekor-v2/personality.ts';
export type { HeldNote } from './fsck/held-notes.ts';
export type { FsckProgress, TreeProblem, TreeReport } from './fsck/report.ts';
export { QUEUE_LIMITS, type QueueLimits, type Receipt } from './engine/queue.ts';
export { EXT_KEY_USAGES, type AdmissionRules, type ExtKeyUsageName } from './core/ct/rules.ts';
export { chainFileRoots, fileRoots } from './roots/file-roots.ts';
export type { RootSource } from './roots/source.ts';
export { fetchOverNetwork, trustBundleRoots } from './roots/trust-bundle.ts';
export { fileMark } from './mark/file-mark.ts';
export { engineMetrics } from './metrics.ts';
export type { ExportTarget } from './open-export.ts';
export { type OpenLog, openLog, type OpenLogOptions } from './open-log.ts';
export { checkWitnessPolicy, type WitnessSpec } from './open-witness.ts';
export type { LogOptions, LogSpec } from './options.ts';
export type { Duplicates } from './rekor-v2/create-entry.ts';
export { createLog, type LogIdentity } from './store/logs.ts';
export { MIGRATIONS as LOG_MIGRATIONS, SCHEMA as LOG_SCHEMA } from './store/migrations.ts';
export { postgresStore } from './store/postgres-store.ts';
export type { FoundEntry, ReadAnswer } from './search/answer.ts';
export type { SearchStatus } from './search/status.ts';
export { SCRUB_LIMITS, type ScrubLimits } from './scrub/scrub.ts';
export { SESSION_LIMITS, type SessionLimits } from './store/session.ts';
