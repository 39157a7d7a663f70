import { CLIENT_TRUST_CONFIG_MEDIA_TYPE, type ClientTrustConfigJson } from './documents.ts';
import type { TrustModel } from './model.ts';
import { buildSigningConfig } from './signing-config.ts';
import { buildTrustedRoot } from './trusted-root.ts';

/** Trusted root and signing config in one file, for clients without TUF. Throws TrustError. */
export function buildClientTrustConfig(model: TrustModel, options: { nowMs: number }): ClientTrustConfigJson {
  return {
    mediaType: CLIENT_TRUST_CONFIG_MEDIA_TYPE,
    trustedRoot: buildTrustedRoot(model),
    signingConfig: buildSigningConfig(model, options),
  };
}
