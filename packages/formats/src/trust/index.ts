export { buildClientTrustConfig } from './client-trust-config.ts';
export { checkTrustedRoot } from './check-trusted-root.ts';
export {
  CLIENT_TRUST_CONFIG_MEDIA_TYPE,
  type CertificateAuthorityJson,
  type ClientTrustConfigJson,
  type LogInstanceJson,
  type ServiceJson,
  SIGNING_CONFIG_MEDIA_TYPE,
  type SigningConfigJson,
  TRUSTED_ROOT_MEDIA_TYPE,
  type TrustedRootJson,
} from './documents.ts';
export { TrustError, type TrustErrorCode } from './errors.ts';
export { logId as trustLogId } from './log-entry.ts';
export {
  type LogKind,
  type SigningService,
  type TrustedAuthority,
  type TrustedLog,
  type TrustModel,
  type ValidityWindow,
  windowHolds,
} from './model.ts';
export { buildSigningConfig } from './signing-config.ts';
export { buildTrustedRoot, type VerificationModel } from './trusted-root.ts';
export { refuseInternalUrls, type TrustWarning, trustWarnings } from './warnings.ts';
