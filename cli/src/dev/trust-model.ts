import type { SigningService, TrustModel } from '@sigstead/formats';
import type { KeyRing } from './key-ring.ts';

export interface TrustModelInput {
  readonly keys: KeyRing;
  readonly publicUrl: string;
  /** Host name of the public URL: origin of the v2 log. */
  readonly origin: string;
  readonly ctPath: string;
  /** All material counts from the making of the keys on: nothing was signed before. */
  readonly createdMs: number;
}

/**
 * Everything a client has to know of this instance. A development instance has one generation of every key, so another
 * port changes only URLs; keys, ids and windows stay, and what was signed before still verifies.
 */
export function devTrustModel(input: TrustModelInput): TrustModel {
  const { keys, publicUrl, origin, createdMs } = input;
  const validFor = { startMs: createdMs };
  const timestampUrl = `${publicUrl}/api/v1/timestamp`;
  const service = (url: string, majorApiVersion: number): SigningService => ({ url, majorApiVersion, validFor });
  return {
    operator: origin,
    certificateAuthorities: [{ uri: publicUrl, chain: keys.ca.chain, validFor }],
    tlogs: [{ kind: 'rekor-v2', baseUrl: publicUrl, origin, spki: keys.rekor.spki, validFor }],
    ctlogs: [{ kind: 'ct', baseUrl: `${publicUrl}${input.ctPath}`, spki: keys.ct.spki, validFor }],
    timestampAuthorities: [{ uri: timestampUrl, chain: keys.tsa.chain, validFor }],
    signing: {
      ca: [service(publicUrl, 1)],
      oidc: [service(`${publicUrl}/oidc`, 1)],
      rekor: [service(publicUrl, 2)],
      tsa: [service(timestampUrl, 1)],
    },
  };
}
