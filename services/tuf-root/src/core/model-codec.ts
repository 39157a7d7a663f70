import { createHash } from 'node:crypto';
import type { SigningService, TrustedAuthority, TrustedLog, TrustModel, ValidityWindow } from '@sigstead/formats';
import { TufError } from './errors.ts';

/** The model as stored with every publication: JSON, bytes as base64, members in a fixed order, so that equal models are equal bytes. */
export function encodeModel(model: TrustModel): Uint8Array {
  const authority = ({ uri, chain, validFor }: TrustedAuthority): object => ({
    uri,
    chain: chain.map(base64),
    validFor: window(validFor),
  });
  const log = ({ kind, baseUrl, origin, spki, keyDetails, validFor }: TrustedLog): object => ({
    kind,
    baseUrl,
    origin,
    spki: base64(spki),
    keyDetails,
    validFor: window(validFor),
  });
  const service = ({ url, majorApiVersion, validFor }: SigningService): object => ({
    url,
    majorApiVersion,
    validFor: window(validFor),
  });
  const { signing } = model;
  return Buffer.from(
    JSON.stringify({
      operator: model.operator,
      certificateAuthorities: model.certificateAuthorities.map(authority),
      tlogs: model.tlogs.map(log),
      ctlogs: model.ctlogs.map(log),
      timestampAuthorities: model.timestampAuthorities.map(authority),
      signing: {
        ca: signing.ca.map(service),
        oidc: signing.oidc.map(service),
        rekor: signing.rekor.map(service),
        tsa: signing.tsa.map(service),
      },
    }),
  );
}

/** A model that `encodeModel` wrote; anything that it would not write again is refused. Throws `model_malformed`. */
export function decodeModel(bytes: Uint8Array): TrustModel {
  let model: TrustModel;
  try {
    model = JSON.parse(Buffer.from(bytes).toString('utf8'), reviveBytes) as TrustModel;
    if (Buffer.compare(encodeModel(model), bytes) !== 0) throw new Error('not the encoding of a model');
  } catch (cause) {
    throw new TufError('model_malformed', 'the stored model of trust material cannot be read', { cause });
  }
  return model;
}

export function modelDigest(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function reviveBytes(name: string, value: unknown): unknown {
  if (name === 'spki' && typeof value === 'string') return new Uint8Array(Buffer.from(value, 'base64'));
  if (name !== 'chain' || !Array.isArray(value)) return value;
  return value.map((der) => new Uint8Array(Buffer.from(String(der), 'base64')));
}

function window({ startMs, endMs }: ValidityWindow): object {
  return { startMs, endMs };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
