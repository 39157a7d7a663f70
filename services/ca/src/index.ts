export { type CaHandle, type CaOptions, composeCa } from './compose.ts';
export {
  type IssuerEntry,
  type IssuersConfig,
  IssuersConfigError,
  issuersFromFile,
  issuersSchema,
  resolveIssuers,
} from './config.ts';
export { CaError, type CaErrorCode } from './core/errors.ts';
export type { CiProviderSettings } from './core/identity/ci-provider.ts';
export { IssuingCaError } from './core/issuance/issuing-ca.ts';
export { type CtClient, CtRefusedError, type IssuanceRecord, type IssuanceStore, type Sct } from './core/ports.ts';
export { httpCtClient } from './ct/http-client.ts';
export { createFetchJson } from './oidc/fetch-json.ts';
export type { FetchJson, FetchRequest } from './oidc/ports.ts';
export { MIGRATIONS as CA_MIGRATIONS, SCHEMA as CA_SCHEMA } from './store/migrations.ts';
