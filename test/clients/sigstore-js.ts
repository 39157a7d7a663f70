import { bundleToJSON } from '@sigstore/bundle';
import { SigningConfig } from '@sigstore/protobuf-specs';
import { bundleBuilderFromSigningConfig } from '@sigstore/sign';
import { initTUF } from '@sigstore/tuf';
import { type Bundle, verify, type VerifyOptions } from 'sigstore';
import { type BundleJson, Refused, type Sample, type Verifier } from './bundle.ts';

/** Where sigstore-js gets its trust from: one TUF repository and nothing else. */
export interface JsTrust {
  readonly tufUrl: string;
  /** Path of the initial root. */
  readonly rootPath: string;
  /** A folder of this instance alone. */
  readonly cachePath: string;
}

export const IN_TOTO = 'application/vnd.in-toto+json';

export interface JsSignRequest {
  readonly trust: JsTrust;
  readonly token: string;
  readonly kind: 'messageSignature' | 'dsseEnvelope';
  /** The artifact, or the payload of the envelope. */
  readonly data: Buffer;
  /** JSON; default: the one of the TUF repository. */
  readonly signingConfig?: unknown;
}

/** A target of the TUF repository, as text. */
export async function fetchTarget(trust: JsTrust, name: string): Promise<string> {
  const tuf = await initTUF({ mirrorURL: trust.tufUrl, rootPath: trust.rootPath, cachePath: trust.cachePath });
  return tuf.getTarget(name);
}

/** Signs with the services that a signing config names. */
export async function signWithJs({ trust, token, kind, data, ...given }: JsSignRequest): Promise<BundleJson> {
  const config: unknown = given.signingConfig ?? JSON.parse(await fetchTarget(trust, 'signing_config.v0.2.json'));
  const signingConfig = SigningConfig.fromJSON(config);
  const identityProvider = { getToken: async () => token };
  const builder = bundleBuilderFromSigningConfig({ signingConfig, identityProvider, bundleType: kind });
  const bundle = await builder.create(kind === 'dsseEnvelope' ? { data, type: IN_TOTO } : { data });
  return bundleToJSON(bundle) as unknown as BundleJson;
}

/** sigstore-js compares no DSSE subject: for an envelope the artifact plays no part. */
export function jsVerifier(trust: JsTrust): Verifier {
  return {
    name: 'sigstore-js',
    async verify({ bundle, artifact, identity, issuer }: Sample): Promise<void> {
      const options: VerifyOptions = {
        tufMirrorURL: trust.tufUrl,
        tufRootPath: trust.rootPath,
        tufCachePath: trust.cachePath,
        certificateIssuer: issuer,
        ...(identity.includes('://') ? { certificateIdentityURI: identity } : { certificateIdentityEmail: identity }),
      };
      const serialized = bundle as unknown as Bundle;
      try {
        if (bundle.dsseEnvelope === undefined) await verify(serialized, artifact, options);
        else await verify(serialized, options);
      } catch (error) {
        throw new Refused((error as Error).message, { cause: error });
      }
    },
  };
}
