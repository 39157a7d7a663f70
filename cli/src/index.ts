export {
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  type EmbeddedPostgresErrorCode,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './postgres/index.ts';
export { checkInstance, SelfTestError, type SelfTestOptions, signOnce } from './self-test/index.ts';
