import { randomBytes } from 'node:crypto';
import { composeDevOidc, type DevOidc, type IssuerKind } from '@sigstead/dev-oidc';
import { systemClock } from '@sigstead/platform';
import type { ComposeOptions } from './options.ts';

/** The issuers of a development configuration; undefined when it has none. */
export async function openDevIssuers({ config, materials, logger }: ComposeOptions): Promise<DevOidc | undefined> {
  const { mode, devOidc } = config.file;
  if (devOidc === undefined || materials.devOidc === undefined) return undefined;
  // The configuration was refused already; here the type says so once more.
  if (mode !== 'development') throw new TypeError('development issuers outside of development');
  return composeDevOidc({
    mode: 'dev',
    logger: logger.child({ part: 'dev-oidc' }),
    clock: systemClock,
    random: randomBytes,
    publicUrl: () => devOidc.publicUrl,
    signer: materials.devOidc,
  });
}

type Documents = (url: string) => Uint8Array;
const KINDS: readonly IssuerKind[] = ['email', 'uri', 'ci'];

/** Discovery document and key set of each issuer without a detour over the network, by issuer URL. */
export function documentsOf(oidc: DevOidc): Record<string, Documents> {
  const documents = (kind: IssuerKind): Documents => {
    const issuer = oidc.issuerUrl(kind);
    return (url) => {
      const discovery = oidc.discovery(kind);
      if (url === `${issuer}/.well-known/openid-configuration`) return json(discovery);
      if (url === discovery['jwks_uri']) return json(oidc.jwks());
      throw new Error(`the issuer has no document at ${url}`);
    };
  };
  return Object.fromEntries(KINDS.map((kind) => [oidc.issuerUrl(kind), documents(kind)]));
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
