import { randomBytes } from 'node:crypto';
import { type CaHandle, composeCa, type CtClient, type IssuersConfig } from '@sigstead/ca';
import { CLIENT_ID, type DevOidc, type IssuerKind } from '@sigstead/dev-oidc';
import type { Clock, Logger, Metrics } from '@sigstead/platform';
import type { KeyRing } from './key-ring.ts';

export interface DevCaOptions {
  readonly connectionString: string;
  readonly publicUrl: string;
  readonly keys: KeyRing;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly oidc: DevOidc;
  readonly ct: CtClient;
  readonly version: string;
}

/** The certificate authority: believes the three development issuers and nobody else. */
export function composeDevCa(options: DevCaOptions): Promise<CaHandle> {
  const { keys, oidc } = options;
  const url = (kind: IssuerKind): string => oidc.issuerUrl(kind);
  return composeCa({
    connection: options.connectionString,
    logger: options.logger,
    metrics: options.metrics,
    clock: options.clock,
    random: randomBytes,
    signer: keys.ca.signer,
    chain: keys.ca.chain,
    issuers: issuersOf(oidc, options.publicUrl),
    ct: { client: options.ct, publicKeySpki: keys.ct.spki },
    inProcessIssuers: {
      [url('email')]: documentsOf(oidc, 'email'),
      [url('uri')]: documentsOf(oidc, 'uri'),
      [url('ci')]: documentsOf(oidc, 'ci'),
    },
    version: options.version,
  });
}

function issuersOf(oidc: DevOidc, publicUrl: string): IssuersConfig {
  const { protocol, hostname } = new URL(publicUrl);
  const common = { 'client-id': CLIENT_ID, description: 'Sigstead development issuer' };
  return {
    issuers: {
      [oidc.issuerUrl('email')]: { ...common, type: 'email' },
      [oidc.issuerUrl('uri')]: { ...common, type: 'uri', 'subject-domain': `${protocol}//${hostname}` },
      [oidc.issuerUrl('ci')]: { ...common, type: 'ci-provider', 'ci-provider': 'github-workflow' },
    },
  };
}

/** Discovery document and key set of an issuer without a detour over the network. */
function documentsOf(oidc: DevOidc, kind: IssuerKind): (url: string) => Uint8Array {
  return (url) => {
    const discovery = oidc.discovery(kind);
    if (url === `${oidc.issuerUrl(kind)}/.well-known/openid-configuration`) return json(discovery);
    if (url === discovery['jwks_uri']) return json(oidc.jwks());
    throw new Error(`the issuer has no document at ${url}`);
  };
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
