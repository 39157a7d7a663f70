export { composeDev, type ComposeDevOptions, CT_PATH, type DevServices } from './dev/compose-dev.ts';
export { type KeyRing, type KeyRingOptions, openKeyRing } from './dev/key-ring.ts';
export {
  type EmbeddedPostgres,
  EmbeddedPostgresError,
  type EmbeddedPostgresErrorCode,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './postgres/index.ts';
export { checkInstance, SelfTestError, type SelfTestOptions, signOnce } from './self-test/index.ts';
