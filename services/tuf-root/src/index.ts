export { composeTufRoot, type RootFile, type TufRootHandle, type TufRootOptions } from './compose.ts';
export { TufError, type TufErrorCode } from './core/errors.ts';
export type { RoleName } from './core/metadata.ts';
export { DEFAULT_PERIODS, type Periods, type RolePeriod } from './core/periods.ts';
export type { Scheduler } from './core/ports.ts';
export type { Thresholds, TufSigners } from './core/signers.ts';
export type { GivenModel, PublishResult } from './publisher/publisher.ts';
export { publishedModels, type PublishedModel } from './history.ts';
export { MIGRATIONS as TUF_MIGRATIONS, SCHEMA as TUF_SCHEMA } from './store/migrations.ts';
